/*
 * The benchmark's peer: a minimal server on the official TypeScript SDK, which
 * answers check_health with the document it was given.
 *
 * usage: sdkserver.mjs SOCKET DOCUMENT
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from
    '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';

const text = readFileSync(process.argv[3], 'utf8').trimEnd();
const structuredContent = JSON.parse(text);
const answer = { content: [{ type: 'text', text }], structuredContent };
const tool = {
	title: 'IPv6 health',
	description: 'Whether IPv6 works',
	inputSchema: {},
	outputSchema: {
		status: z.string(),
		v6_reachable: z.boolean(),
		v6_latency_ms: z.number().int().nullable(),
		active_tunnels: z.number().int(),
		last_check: z.number().int().nullable(),
	},
	annotations: { readOnlyHint: true },
};

createServer((socket) => {
	const server = new McpServer({ name: 'peer', version: '1' });

	server.registerTool('check_health', tool, async () => answer);
	socket.on('error', () => socket.destroy());
	server.connect(new StdioServerTransport(socket, socket));
}).listen(process.argv[2]);
