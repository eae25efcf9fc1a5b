// Makes the calls that it reads from standard input, a line of JSON each, and writes the answers to standard output.

import { createInterface } from "node:readline";
import * as sdk from "@aws-sdk/client-eventbridge";

const client = new sdk.EventBridgeClient({ maxAttempts: 1 });

// The SDK wants a timestamp as a Date.
const dates = (name, value) => (/^(Time|EventStartTime|EventEndTime)$/.test(name) ? new Date(value) : value);

for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line, dates);
  let answer;
  try {
    const { $metadata, ...output } = await client.send(new sdk[`${call.operation}Command`](call.input));
    answer = { output };
  } catch (e) {
    if (!e.$metadata?.httpStatusCode) throw e;
    answer = { error: { code: e.name, message: e.message, status: e.$metadata.httpStatusCode } };
  }
  console.log(JSON.stringify(answer));
}
