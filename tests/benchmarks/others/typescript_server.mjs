// The two TypeScript SDKs on node:http, with jose for the tokens: `legacy` is version 1 with sessions
// and JSON answers, `modern` is version 2.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { importSPKI, jwtVerify } from 'jose';
import { z } from 'zod';

const [era, publicKey, issuer, audience] = process.argv.slice(2);
const key = await importSPKI(publicKey, 'EdDSA');
const checks = { issuer, audience, algorithms: ['EdDSA'], requiredClaims: ['exp', 'iat', 'sub'] };

function withEcho(server) {
  server.registerTool('test.echo', { inputSchema: z.object({ text: z.string() }) }, async ({ text }) => ({
    content: [{ type: 'text', text: JSON.stringify({ text }) }],
    structuredContent: { text },
  }));
  return server;
}

async function legacy() {
  const { McpServer } = await import('@modelcontextprotocol/sdk/server/mcp.js');
  const { StreamableHTTPServerTransport } = await import('@modelcontextprotocol/sdk/server/streamableHttp.js');
  const sessions = new Map();
  return async (request, response) => {
    let transport = sessions.get(request.headers['mcp-session-id']);
    if (transport === undefined) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: true,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await withEcho(new McpServer({ name: 'legacy', version: '1' })).connect(transport);
    }
    await transport.handleRequest(request, response);
  };
}

async function modern() {
  const { createMcpHandler, McpServer } = await import('@modelcontextprotocol/server');
  const { toNodeHandler } = await import('@modelcontextprotocol/node');
  return toNodeHandler(createMcpHandler(() => withEcho(new McpServer({ name: 'modern', version: '1' }))));
}

const handle = await { legacy, modern }[era]();
const server = createServer(async (request, response) => {
  try {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    await jwtVerify(token, key, checks);
  } catch {
    response.writeHead(401).end();
    return;
  }
  await handle(request, response);
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
