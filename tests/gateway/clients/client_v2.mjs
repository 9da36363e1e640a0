// The official TypeScript client, version 2: node client_v2.mjs URL ERA; TOKEN is in the environment.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [url, era] = process.argv.slice(2);
const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${process.env.TOKEN}` } },
});
await client.connect(transport);
const { tools } = await client.listTools();
const title = `v2 ${era}`;
const created = await client.callTool({ name: 'todo.create', arguments: { title } });
const listed = await client.callTool({ name: 'todo.list', arguments: {} });
const unknown = await client.callTool({ name: 'todo.dance', arguments: {} }).catch((error) => error);
console.log(
  JSON.stringify({
    version: client.getNegotiatedProtocolVersion(),
    tools: tools.map((tool) => tool.name),
    created: created.structuredContent,
    listed: listed.structuredContent,
    unknown: unknown.code,
  }),
);
await client.close();
