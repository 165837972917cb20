/*
 * The official JSON schemas of MCP, by revision.  The conformance suite holds
 * them as object literals in its one file, next to the table that names them,
 * and exports nothing; so that statement alone is evaluated.  It has none for
 * 2024-11-05, whose messages are judged by the revision after it: that adds
 * to it and takes nothing away.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const DEFINITIONS = new RegExp([
	/\w+=\{\$schema:[^]*?;const (?<table>\w+)=/,
	/\{"2025-03-26":\w+,"2025-06-18":\w+,"2025-11-25":\w+,\[(?<last>\w+)\]:\w+\};/,
].map((part) => part.source).join(''));

function load() {
	const path = createRequire(import.meta.url)
	    .resolve('@modelcontextprotocol/conformance/dist/index.js');
	const found = DEFINITIONS.exec(readFileSync(path, 'utf8'));

	if (found === null)
		throw new Error(`${path} has no schemas where they were`);
	const { table, last } = found.groups;
	const text = vm.runInNewContext(
	    `const ${last}='2026-07-28';let ${found[0]}JSON.stringify(${table})`);
	const schemas = JSON.parse(text);
	schemas['2024-11-05'] = schemas['2025-03-26'];
	return schemas;
}

/* One revision's definitions, compiled when they are first needed. */
class Schema {
	constructor(revision, schema) {
		const key = '$defs' in schema ? '$defs' : 'definitions';
		const Validator = key === '$defs' ? Ajv2020 : Ajv;

		this.defs = schema[key];
		this.prefix = `mcp:${revision}#/${key}/`;
		this.ajv = new Validator({ strict: false, allErrors: true });
		addFormats(this.ajv);
		this.ajv.addFormat('byte', true);
		this.ajv.addSchema(schema, `mcp:${revision}`);
	}

	/* The first of these names that this revision has. */
	has(...names) {
		return names.find((name) => name in this.defs);
	}

	/* The definition of the request or notification of that method. */
	ofMethod(method) {
		return Object.keys(this.defs).find((name) =>
		    /(Request|Notification)$/.test(name) &&
		    this.defs[name].properties?.method?.const === method);
	}

	/* The definition of an error that has a code of its own. */
	ofError(code) {
		return Object.keys(this.defs).find((name) =>
		    this.defs[name].properties?.error?.allOf?.some((part) =>
			part.properties?.code?.const === code));
	}

	/* What is wrong with value as a name, in words. */
	faults(name, value) {
		const validate = this.ajv.getSchema(this.prefix + name);

		return validate(value) ? [] : validate.errors.map((e) =>
		    `${name}${e.instancePath} ${e.message}`);
	}
}

const schemas = load();
const compiled = new Map();

/* The Schema of a revision; throws where there is none. */
export function schemaOf(revision) {
	if (!(revision in schemas))
		throw new Error(`no schema of ${revision}`);
	if (!compiled.has(revision))
		compiled.set(revision, new Schema(revision, schemas[revision]));
	return compiled.get(revision);
}
