#!/usr/bin/env node
// Is told of the end of jobs: takes what khocr posts, looks at the signature, and prints a line for each job.
// Put a proxy with TLS in front of it.
// Usage: KHOCR_WEBHOOK_SECRET=whsec_... node webhook.mjs HOST:PORT
// Needs Node 20 or later, and no packages.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = Buffer.from(process.env.KHOCR_WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64');
if (secret.length === 0) throw new Error('KHOCR_WEBHOOK_SECRET is empty: anybody could sign with that');
const largest = 1 << 20;
const toleranceSeconds = 300;
const seen = new Set(); // a service of yours keeps them where a restart does not lose them

// isGenuine tells whether the message was signed with the secret, a short while ago (https://www.standardwebhooks.com).
function isGenuine(headers, body) {
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '', 'webhook-signature': signatures = '' } = headers;
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > toleranceSeconds) return false;
  const want = Buffer.from(createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64'));
  // There are several signatures while a secret is being changed.
  return signatures.split(' ').filter((entry) => entry.startsWith('v1,')).some((entry) => {
    const given = Buffer.from(entry.slice('v1,'.length));
    return given.length === want.length && timingSafeEqual(given, want);
  });
}

async function bodyOf(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > largest) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function receive(request, response) {
  const body = await bodyOf(request);
  if (body === null) {
    response.writeHead(413, { Connection: 'close' });
  } else if (request.method !== 'POST' || !isGenuine(request.headers, body)) {
    response.writeHead(401);
  } else {
    // The same message may come more than once.
    if (!seen.has(request.headers['webhook-id'])) {
      seen.add(request.headers['webhook-id']);
      const { type, data } = JSON.parse(body);
      console.log(type, data.id, data.status);
    }
    response.writeHead(204);
  }
  response.end();
}

const [, host, port] = process.argv[2]?.match(/^(.*):(\d+)$/) ?? [];
if (!port) {
  console.error('usage: node webhook.mjs HOST:PORT');
  process.exit(2);
}
const server = createServer((request, response) => receive(request, response).catch(() => response.destroy()));
server.requestTimeout = 15_000;
server.listen(Number(port), host, () => console.log(`listening at http://${host}:${server.address().port}`));
