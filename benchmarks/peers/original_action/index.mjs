// Send, as the published JavaScript action does it: the inputs, a token, one POST, the outputs.

import * as core from "@actions/core";
import { HttpClient, HttpClientError } from "@actions/http-client";

async function run() {
  const url = core.getInput("zekt-api-url") || process.env.ZEKT_API_URL;
  const payload = JSON.parse(core.getInput("payload") || "{}");
  const token = await core.getIDToken("api://zekt");
  const { GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_ACTOR, GITHUB_SHA, GITHUB_REF, GITHUB_WORKFLOW } = process.env;
  const client = new HttpClient("zekt-action", [], { allowRetries: true, maxRetries: 3 });
  const { statusCode, result } = await client.postJson(
    `${url}/api/events/receive`,
    {
      eventType: core.getInput("event-type", { required: true }),
      repository: GITHUB_REPOSITORY,
      workflowRunId: GITHUB_RUN_ID,
      triggeredBy: GITHUB_ACTOR,
      commitSha: GITHUB_SHA,
      ref: GITHUB_REF,
      workflow: GITHUB_WORKFLOW,
      payload,
      timestamp: new Date().toISOString(),
    },
    { authorization: `Bearer ${token}`, "x-github-repository": GITHUB_REPOSITORY },
  );
  if (!result?.success) throw new HttpClientError(`The broker answered ${statusCode}`, statusCode);
  core.setOutput("event-id", result.eventId);
  core.setOutput("consumers-notified", result.consumersNotified);
  core.setOutput("correlation-id", result.correlationId);
  core.setOutput("status", "success");
}

try {
  await run();
} catch (error) {
  core.setOutput("status", "failed");
  core.setFailed(error.message);
}
