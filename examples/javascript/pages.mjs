#!/usr/bin/env node
// Prints the text of a document page after page, while the others are still being read.
// Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... node pages.mjs FILE
// Needs Node 20 or later, and no packages.
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

const api = process.env.KHOCR_URL.replace(/\/$/, '') + '/api/v1';
const headers = { 'X-API-Key': process.env.KHOCR_API_KEY };

// call makes a request. A refusal is told in both languages.
async function call(path, options = {}) {
  const response = await fetch(api + path, { headers, ...options });
  if (response.ok) return response;
  const problem = await response.json();
  throw Object.assign(new Error(`${problem.code}: ${problem.detail}\n${problem.message_km}៖ ${problem.detail_km}`), { code: problem.code });
}

// page is a page, or null while it is not there yet.
async function page(job, number) {
  try {
    return await (await call(`/jobs/${job}/pages/${number}`)).json();
  } catch (error) {
    if (error.code === 'page_not_ready' || error.code === 'page_not_found') return null;
    throw error;
  }
}

async function read(file) {
  const form = new FormData();
  form.append('file', await openAsBlob(file), basename(file));
  const { job_id: job } = await (await call('/convert', { method: 'POST', body: form })).json();

  let next = 1;
  let status;
  // Each event tells how the job stands; the stream closes after the last one.
  const events = await call(`/jobs/${job}/events`);
  for await (const line of createInterface({ input: Readable.fromWeb(events.body) })) {
    if (!line.startsWith('data:')) continue;
    ({ status } = JSON.parse(line.slice('data:'.length)));
    for (let found; (found = await page(job, next)); next++) console.log(`--- page ${next}\n${found.text}`);
  }
  if (status !== 'COMPLETED') throw new Error(`the job is ${status ?? 'unknown'}`);
}

if (process.argv.length !== 3) {
  console.error('usage: node pages.mjs FILE');
  process.exit(2);
}
read(process.argv[2]).catch((error) => {
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
});
