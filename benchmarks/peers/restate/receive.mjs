// Takes the webhook: verifies it, hands it to Restate, and answers 202 once Restate has it durably.

import { createServer } from "node:http";
import { verify } from "@octokit/webhooks-methods";
import * as clients from "@restatedev/restate-sdk-clients";

const { PEER_PORT, PEER_RESTATE_INGRESS_PORT, PEER_WEBHOOK_SECRET } = process.env;

const bridge = clients
  .connect({ url: `http://127.0.0.1:${PEER_RESTATE_INGRESS_PORT}` })
  .serviceSendClient({ name: "bridge" });

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function take(request) {
  const body = await bodyOf(request);
  if (!(await verify(PEER_WEBHOOK_SECRET, body, request.headers["x-hub-signature-256"] ?? ""))) return 401;
  const event = JSON.parse(body);
  if (request.headers["x-github-event"] !== "workflow_run" || event.action !== "completed") return 202;
  const repository = event.repository.full_name;
  await bridge.fanOut(
    { repository, envelope: envelope(event.workflow_run, repository) },
    clients.rpc.sendOpts({ idempotencyKey: request.headers["x-github-delivery"] }),
  );
  return 202;
}

function envelope(run, repository) {
  return {
    version: "1",
    correlationId: String(run.id),
    attempt: 1,
    eventType: "order-finished",
    provider: {
      repository,
      workflow: run.name,
      workflowPath: run.path,
      runId: String(run.id),
      runAttempt: run.run_attempt,
      conclusion: run.conclusion,
      headBranch: run.head_branch,
      headSha: run.head_sha,
      event: run.event,
      actor: run.actor.login,
      htmlUrl: run.html_url,
      startedAt: run.run_started_at,
      completedAt: run.updated_at,
    },
    payload: null,
  };
}

const server = createServer((request, response) => {
  take(request).then(
    (status) => response.writeHead(status).end(),
    (error) => {
      console.error(`not taken: ${error}`);
      response.writeHead(500).end();
    },
  );
});
server.listen(Number(PEER_PORT), "127.0.0.1", () => console.log('{"event": "started"}'));
process.on("SIGTERM", () => process.exit(0));
