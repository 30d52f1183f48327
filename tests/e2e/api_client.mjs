// A client generated from zrms' own openapi.json: calls operations by their ids. Reads one JSON array a
// line, [operation, parameters, body], and answers each with one line: {status, data}.
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { OpenAPIClientAxios } from 'openapi-client-axios';

const [, , address, token] = process.argv;
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const generator = new OpenAPIClientAxios({
  definition: `${address}/openapi.json`,
  axiosConfigDefaults: { baseURL: address, headers: { Authorization: `Bearer ${token}` }, validateStatus: () => true },
});
const client = await generator.init();
answer(generator.getOperations().map((operation) => operation.operationId));

for await (const line of createInterface({ input: process.stdin })) {
  const [operation, parameters, body] = JSON.parse(line);
  const package_ = body?.file !== undefined;
  const options = package_ ? { headers: { 'Content-Type': 'application/vnd.samoza.mex+zip' } } : {};
  const { status, data } = await client[operation](
    parameters, package_ ? readFileSync(body.file) : body, options);
  answer({ status, data });
}
