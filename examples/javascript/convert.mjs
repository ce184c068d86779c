#!/usr/bin/env node
// Converts one document: hands it in, waits for its end, and leaves NAME.docx and NAME.json in this folder.
// Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... node convert.mjs FILE
// Needs Node 20 or later, and no packages.
import { openAsBlob } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';

const api = process.env.KHOCR_URL.replace(/\/$/, '') + '/api/v1';
const headers = { 'X-API-Key': process.env.KHOCR_API_KEY };

// call makes a request. A refusal is told in both languages.
async function call(path, options = {}) {
  const response = await fetch(api + path, { headers, ...options });
  if (response.ok) return response;
  const problem = await response.json();
  throw new Error(`${problem.code}: ${problem.detail}\n${problem.message_km}៖ ${problem.detail_km}`);
}

async function convert(file) {
  const form = new FormData();
  form.append('output_format', 'docx');
  form.append('file', await openAsBlob(file), basename(file));
  const { job_id: job } = await (await call('/convert', { method: 'POST', body: form })).json();
  console.log('Job ID:', job);

  let told;
  do {
    // The answer comes when the job has ended, and after a minute at the latest.
    told = await (await call(`/jobs/${job}?wait=60s`)).json();
  } while (told.status === 'QUEUED' || told.status === 'PROCESSING');
  if (told.status !== 'COMPLETED') {
    throw new Error(told.error ? `${told.error.message}\n${told.error.message_km}` : told.status);
  }

  for (const format of ['docx', 'json']) {
    const result = `${basename(file, extname(file))}.${format}`;
    await writeFile(result, (await call(`/jobs/${job}/result?format=${format}`)).body);
    console.log(result);
  }
}

if (process.argv.length !== 3) {
  console.error('usage: node convert.mjs FILE');
  process.exit(2);
}
convert(process.argv[2]).catch((error) => {
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
});
