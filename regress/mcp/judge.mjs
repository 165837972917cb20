/*
 * Judges what a server sent, as record.py kept it: every message is checked
 * against the official schema of its revision, a result also against that of
 * the method it answers.
 *
 * usage: judge.mjs < RECORD
 *
 * A line of RECORD is {"connection", "from": "client" | "server", "line"}, in
 * the order in which they passed.  Prints one object: {"judged": {REVISION:
 * {WHAT: NUMBER}}, "faults": [...]}.
 */
import { createInterface } from 'node:readline';
import { schemaOf } from './schemas.mjs';

const LATEST_LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
const META = 'io.modelcontextprotocol/';
const MODERN_METHODS = ['server/discover', 'subscriptions/listen'];

const connections = new Map();
const judged = {};
const faults = [];

function isModern(message) {
	const meta = Object.keys(message.params?._meta ?? {});

	return MODERN_METHODS.includes(message.method) ||
	    meta.includes(`${META}protocolVersion`) ||
	    meta.includes(`${META}clientCapabilities`);
}

/*
 * Remembers what a client asked, to know what the answer is one to.  A number
 * may come again: hostile clients ask the same many times at once.
 */
function asked(connection, line) {
	let message;

	try {
		message = JSON.parse(line);
	} catch {
		return;
	}
	for (const one of [message].flat())
		if (typeof one?.method === 'string' && 'id' in one)
			connection.requests.set(one.id, { method: one.method,
			    modern: isModern(one) });
}

function count(revision, what) {
	judged[revision] ??= {};
	judged[revision][what] = (judged[revision][what] ?? 0) + 1;
}

/* Before 2025-11-25 there was no way to say that an id could not be read. */
function judgeError(schema, message) {
	const { code } = message.error;
	const name = schema.ofError(code) ??
	    schema.has('JSONRPCErrorResponse', 'JSONRPCError');
	const readable = 'id' in message ||
	    !schema.defs[name].required.includes('id');

	return [`error ${code}`, schema.faults(name,
	    readable ? message : { ...message, id: 0 })];
}

function judgeAnswer(schema, message, request) {
	if ('error' in message)
		return judgeError(schema, message);
	if (!('result' in message))
		return ['nothing', ['neither a result, an error nor a method']];
	const found = schema.faults(
	    schema.has('JSONRPCResultResponse', 'JSONRPCResponse'), message);
	const method = request?.method;
	if (method === undefined)
		return ['result', [...found, 'nobody asked for it']];
	const name = schema.ofMethod(method)?.replace(/Request$/, 'Result');
	const result = schema.has(name, 'EmptyResult');
	return [method, [...found, ...schema.faults(result, message.result)]];
}

function judgeMethod(schema, message) {
	const name = schema.ofMethod(message.method);

	if (name === undefined || 'id' in message)
		return [message.method, ['this revision has no such message']];
	return [message.method, schema.faults(name, message)];
}

function judge(connection, message) {
	const request = connection.requests.get(message.id);
	/* what nobody asked for, a subscription sends with its number */
	const modern = request?.modern ??
	    `${META}subscriptionId` in (message.params?._meta ?? {});

	if (request?.method === 'initialize' && message.result)
		connection.revision = message.result.protocolVersion;
	const revision = modern ? MODERN : connection.revision;
	const schema = schemaOf(revision);
	const [what, found] = 'method' in message ?
	    judgeMethod(schema, message) :
	    judgeAnswer(schema, message, request);
	count(revision, what);
	for (const why of found)
		faults.push(`${revision} ${what}: ${why}`);
}

function said(connection, line) {
	let message;

	try {
		message = JSON.parse(line);
	} catch {
		faults.push(`no JSON: ${line}`);
		return;
	}
	if (!Array.isArray(message)) {
		judge(connection, message);
		return;
	}
	if (connection.revision !== '2025-03-26')
		faults.push(`a batch in ${connection.revision}`);
	for (const one of message)
		judge(connection, one);
}

for await (const text of createInterface({ input: process.stdin })) {
	const { connection, from, line } = JSON.parse(text);

	if (!connections.has(connection))
		connections.set(connection, { requests: new Map(),
		    revision: LATEST_LEGACY });
	(from === 'client' ? asked : said)(connections.get(connection), line);
}
console.log(JSON.stringify({ judged, faults }));
