/*
 * One session of an official MCP client with the daemon, on the transport that
 * hosts use: a command whose standard input and output is the connection.
 *
 * usage: client.mjs '{"mode": MODE, "command": [...], "rest": SOCKET,
 *	"change": [[...], [...]]}'
 *
 * MODE: "v1" (@modelcontextprotocol/sdk); of @modelcontextprotocol/client
 * "legacy", "auto", "2026-07-28" (pinned), or an older revision, which is then
 * the only one it knows.  "change" are two commands, each of which changes the
 * state of the tunnel "ext"; the second takes back what the first did.  Prints
 * one line of JSON for each check: {"check", "why"}, where why is null if it
 * passed.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import http from 'node:http';
import { promisify } from 'node:util';

const run = promisify(execFile);
const { mode, command, rest, change } = JSON.parse(process.argv[2]);
const modern = mode === 'auto' || mode === '2026-07-28';
const info = { name: 'judge', version: '1' };
const TOOLS = ['check_health', 'get_ipv6_address', 'get_tunnel_status'];
const UPDATED = 'notifications/resources/updated';
const SOON_MS = 1000;		/* an update comes within a second */
const QUIET_MS = 300;		/* and none that nobody asked for within this */
const CALLS = 50;		/* at once */
const TRIES = 50;		/* to find a document the same twice */

async function connectV1(transport) {
	const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
	const { StdioClientTransport } =
	    await import('@modelcontextprotocol/sdk/client/stdio.js');
	const { ResourceUpdatedNotificationSchema } =
	    await import('@modelcontextprotocol/sdk/types.js');
	const client = new Client(info);

	await client.connect(new StdioClientTransport(transport));
	client.onUpdated = (handler) => client.setNotificationHandler(
	    ResourceUpdatedNotificationSchema, handler);
	return client;
}

const options = {
	legacy: { versionNegotiation: { mode: 'legacy' } },
	auto: { versionNegotiation: { mode: 'auto' } },
	'2026-07-28': { versionNegotiation: { mode: { pin: '2026-07-28' } } },
};

async function connectV2(transport) {
	const { Client } = await import('@modelcontextprotocol/client');
	const { StdioClientTransport } =
	    await import('@modelcontextprotocol/client/stdio');
	const client = new Client(info, options[mode] ??
	    { supportedProtocolVersions: [mode] });

	await client.connect(new StdioClientTransport(transport));
	client.onUpdated = (handler) =>
	    client.setNotificationHandler(UPDATED, handler);
	return client;
}

/* The body of the REST document, without its newline. */
function get(path) {
	return new Promise((resolve, reject) => {
		http.get({ socketPath: rest, path, agent: false,
		    headers: { host: 'localhost' } }, (answer) => {
			let body = '';

			answer.setEncoding('utf8');
			answer.on('data', (data) => { body += data; });
			answer.on('end', () => resolve(body.trimEnd()));
		}).on('error', reject);
	});
}

/* What ask() gives is the document, which was the same before and after. */
async function sameAs(path, ask) {
	for (let i = 0; i < TRIES; i++) {
		const before = await get(path);
		const answer = await ask();

		if (before !== await get(path))
			continue;
		assert.equal(answer, before);
		return;
	}
	assert.fail(`${path} was never the same for long enough`);
}

/* The text of a tool's answer, after its two forms were found the same. */
async function call(name, args) {
	const result = await client.callTool({ name, arguments: args });

	assert.ok(!result.isError, JSON.stringify(result));
	assert.equal(result.content.length, 1);
	assert.equal(result.content[0].type, 'text');
	const { text } = result.content[0];
	assert.deepEqual(result.structuredContent, JSON.parse(text));
	return text;
}

async function read(uri) {
	const { contents } = await client.readResource({ uri });

	assert.equal(contents.length, 1);
	assert.equal(contents[0].uri, uri);
	assert.equal(contents[0].mimeType, 'application/json');
	return contents[0].text;
}

async function fails(promise, code) {
	await assert.rejects(promise, (e) => {
		assert.equal(e.code, code, String(e));
		return true;
	});
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Makes the change, and the update of uri that it causes in time. */
async function updateAfter(uri, argv) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error('no update')), 10000);
	});
	const told = new Promise((resolve) => client.onUpdated((n) => {
		if (n.params.uri === uri)
			resolve(performance.now());
	}));

	await run(argv[0], argv.slice(1));
	const done = performance.now();
	const took = await Promise.race([told, late]) - done;
	clearTimeout(timer);
	return took;
}

async function subscribe(uri) {
	if (!modern) {
		await client.subscribeResource({ uri });
		return () => client.unsubscribeResource({ uri });
	}
	const stream = await client.listen({ resourceSubscriptions: [uri] });
	assert.deepEqual(stream.honoredFilter.resourceSubscriptions, [uri]);
	return () => stream.close();
}

async function updates() {
	const uri = 'v6gw://tunnel/ext';
	const unsubscribe = await subscribe(uri);
	const before = JSON.parse(await read(uri));

	const took = await updateAfter(uri, change[0]);
	assert.ok(took < SOON_MS, `told after ${took} ms`);
	assert.notEqual(JSON.parse(await read(uri)).state, before.state);

	await unsubscribe();
	let told = 0;
	client.onUpdated(() => { told++; });
	await run(change[1][0], change[1].slice(1));
	await sleep(QUIET_MS);
	assert.equal(told, 0);
}

async function negotiates() {
	const version = client.getServerVersion();

	assert.equal(version.name, 'v6-gatewayd');
	assert.deepEqual(JSON.parse(await get('/version')).version,
	    version.version);
	const has = client.getServerCapabilities();
	for (const name of ['tools', 'resources', 'prompts', 'completions'])
		assert.ok(has[name], name);
	assert.ok(has.resources.subscribe);
	if (mode !== 'v1')
		assert.equal(client.getProtocolEra(),
		    modern ? 'modern' : 'legacy');
}

async function listsTools() {
	const { tools } = await client.listTools();

	assert.deepEqual(tools.map((tool) => tool.name), TOOLS);
	for (const tool of tools) {
		assert.ok(tool.title && tool.description, tool.name);
		assert.equal(tool.inputSchema.type, 'object');
		assert.equal(tool.outputSchema.type, 'object');
		assert.equal(tool.annotations.readOnlyHint, true);
		assert.equal(tool.annotations.destructiveHint, false);
		assert.equal(tool.annotations.openWorldHint, false);
	}
	await fails(client.listTools({ cursor: 'next' }), -32602);
}

async function listsResources() {
	const { resources } = await client.listResources();
	const { resourceTemplates } = await client.listResourceTemplates();

	assert.deepEqual(resources.map((resource) => resource.uri),
	    ['v6gw://health', 'v6gw://addresses', 'v6gw://tunnels']);
	assert.deepEqual(resourceTemplates.map((one) => one.uriTemplate),
	    ['v6gw://tunnel/{name}']);
}

/* The tool says that it failed, and all of these words. */
async function refuses(name, args, ...words) {
	const result = await client.callTool({ name, arguments: args });

	assert.equal(result.isError, true);
	for (const word of words)
		assert.ok(result.content[0].text.split(/\W+/).includes(word),
		    `${word}: ${result.content[0].text}`);
}

/* By its name: the document of that tunnel, in the form of the list. */
async function tunnel() {
	await sameAs('/tunnels/he', async () => {
		const text = await call('get_tunnel_status', { name: 'he' });

		return text.replace(/^\{"tunnels":\[(.*)\]\}$/, '$1');
	});
}

async function prompts() {
	const { prompts } = await client.listPrompts();

	assert.deepEqual(prompts.map((prompt) => prompt.name), ['diagnose']);
	assert.deepEqual(prompts[0].arguments.map((one) => one.name),
	    ['tunnel']);
	for (const args of [undefined, { tunnel: 'he' }]) {
		const { messages } = await client.getPrompt(
		    { name: 'diagnose', arguments: args });

		assert.equal(messages[0].role, 'user');
		assert.match(messages[0].content.text,
		    args ? /\bhe\b/ : /tunnel/);
	}
	await fails(client.getPrompt({ name: 'none' }), -32602);
}

async function completes() {
	const complete = async (ref, name, value) => (await client.complete(
	    { ref, argument: { name, value } })).completion.values;
	const prompt = { type: 'ref/prompt', name: 'diagnose' };
	const template = { type: 'ref/resource', uri: 'v6gw://tunnel/{name}' };

	assert.deepEqual(await complete(prompt, 'tunnel', ''), ['he', 'ext']);
	assert.deepEqual(await complete(prompt, 'tunnel', 'e'), ['ext']);
	assert.deepEqual(await complete(template, 'name', 'h'), ['he']);
	assert.deepEqual(await complete(template, 'name', 'x'), []);
}

async function manyAtOnce() {
	const calls = Array.from({ length: CALLS }, () => client.callTool(
	    { name: 'check_health', arguments: {} }));

	for (const result of await Promise.all(calls))
		assert.ok(result.structuredContent.last_check > 0);
}

const checks = {
	negotiates,
	listsTools,
	health: () => sameAs('/health', () => call('check_health', {})),
	addresses: () => sameAs('/v6/address',
	    () => call('get_ipv6_address', {})),
	addressesOfOne: () => sameAs('/v6/address?iface=he0',
	    () => call('get_ipv6_address', { iface: 'he0' })),
	unknownIface: () => refuses('get_ipv6_address', { iface: 'eth9' },
	    'he0', 'ext0'),
	tunnels: () => sameAs('/tunnels', () => call('get_tunnel_status', {})),
	tunnel,
	unknownTunnel: () => refuses('get_tunnel_status', { name: 'nobody' },
	    'he', 'ext'),
	unknownArgument: () => refuses('get_tunnel_status', { tunnel: 'he' },
	    'name'),
	unknownTool: () => fails(client.callTool({ name: 'reboot' }), -32602),
	listsResources,
	readsHealth: () => sameAs('/health', () => read('v6gw://health')),
	readsAddresses: () => sameAs('/v6/address',
	    () => read('v6gw://addresses')),
	readsTunnels: () => sameAs('/tunnels', () => read('v6gw://tunnels')),
	readsTunnel: () => sameAs('/tunnels/he', () => read('v6gw://tunnel/he')),
	unknownResource: () => fails(
	    client.readResource({ uri: 'v6gw://tunnel/nobody' }),
	    mode === 'v1' ? -32002 : -32602),
	prompts,
	completes,
	updates,
	manyAtOnce,
};
if (!modern)
	checks.ping = () => client.ping();

const transport = { command: command[0], args: command.slice(1) };
const client = await (mode === 'v1' ? connectV1 : connectV2)(transport);
for (const [name, check] of Object.entries(checks)) {
	let why = null;

	try {
		await check();
	} catch (e) {
		why = e.stack;
	}
	console.log(JSON.stringify({ check: name, why }));
}
await client.close();
