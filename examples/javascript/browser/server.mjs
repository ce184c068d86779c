#!/usr/bin/env node
// Serves a page on which a document is dropped and Word comes out. The key stays here: the page talks to this server, which hands
// the few requests that the page needs on to khocr. Ask people who they are before you let them in: every page is charged to you.
// Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... node server.mjs HOST:PORT
// Needs Node 20 or later, and no packages.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const api = process.env.KHOCR_URL.replace(/\/$/, '') + '/api/v1';
const files = { '/': ['index.html', 'text/html; charset=utf-8'], '/page.js': ['page.js', 'text/javascript; charset=utf-8'] };
const handedOn = [/^POST \/convert$/, /^GET \/jobs\/[0-9a-f]{12}\/events$/, /^GET \/jobs\/[0-9a-f]{12}\/result\?format=docx$/];
const told = ['content-type', 'content-disposition', 'retry-after', 'cache-control'];

async function handOn(request, response) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const headers = { 'X-API-Key': process.env.KHOCR_API_KEY };
  for (const name of ['content-type', 'last-event-id']) {
    if (request.headers[name]) headers[name] = request.headers[name];
  }
  const body = request.method === 'POST' ? Readable.toWeb(request) : undefined;
  const answer = await fetch(api + request.url, { method: request.method, headers, body, duplex: 'half', signal: gone.signal });
  response.writeHead(answer.status, Object.fromEntries([...answer.headers].filter(([name]) => told.includes(name))));
  if (answer.body === null) return response.end();
  await pipeline(Readable.fromWeb(answer.body), response);
}

async function serve(request, response) {
  response.setHeader('Content-Security-Policy', "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
  // A page of another site must not have its visitors' browsers hand documents in here.
  if (!['same-origin', 'none', undefined].includes(request.headers['sec-fetch-site'])) {
    response.writeHead(403);
    response.end();
    return;
  }
  const file = request.method === 'GET' && Object.hasOwn(files, request.url) ? files[request.url] : null;
  if (file) {
    response.writeHead(200, { 'Content-Type': file[1] });
    response.end(await readFile(new URL(file[0], import.meta.url)));
  } else if (handedOn.some((allowed) => allowed.test(`${request.method} ${request.url}`))) {
    await handOn(request, response);
  } else {
    response.writeHead(404);
    response.end();
  }
}

const [, host, port] = process.argv[2]?.match(/^(.*):(\d+)$/) ?? [];
if (!port) {
  console.error('usage: node server.mjs HOST:PORT');
  process.exit(2);
}
const server = createServer((request, response) => serve(request, response).catch(() => response.destroy()));
server.listen(Number(port), host, () => console.log(`listening at http://${host}:${server.address().port}`));
