// The official TypeScript client, version 1: node client_v1.mjs URL; TOKEN is in the environment.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url] = process.argv.slice(2);
const client = new Client({ name: 'test', version: '1' });
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${process.env.TOKEN}` } },
});
await client.connect(transport);
const { tools } = await client.listTools();
const created = await client.callTool({ name: 'todo.create', arguments: { title: 'v1 legacy' } });
const listed = await client.callTool({ name: 'todo.list', arguments: {} });
const unknown = await client.callTool({ name: 'todo.dance', arguments: {} }).catch((error) => error);
console.log(
  JSON.stringify({
    version: transport.protocolVersion,
    tools: tools.map((tool) => tool.name),
    created: created.structuredContent,
    listed: listed.structuredContent,
    unknown: unknown.code,
  }),
);
await transport.terminateSession();
await client.close();
