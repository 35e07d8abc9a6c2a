// A plain bridge between workflows: verifies the webhook, answers 202, and dispatches from memory.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Octokit } from "@octokit/core";
import { Webhooks } from "@octokit/webhooks";

const { PEER_PORT, PEER_CONSUMERS, PEER_GITHUB_API_URL, PEER_GITHUB_TOKEN, PEER_WEBHOOK_SECRET } = process.env;
const IN_FLIGHT = 32; // of as many as wait: a burst must not become as many sockets

const consumers = JSON.parse(readFileSync(PEER_CONSUMERS, "utf8"));
const octokit = new Octokit({ auth: PEER_GITHUB_TOKEN, baseUrl: PEER_GITHUB_API_URL });
const webhooks = new Webhooks({ secret: PEER_WEBHOOK_SECRET });

let waiting = [];
let next = 0;
let inFlight = 0;

function workOff() {
  while (inFlight < IN_FLIGHT && next < waiting.length) {
    const [consumer, run] = waiting[next++];
    inFlight += 1;
    dispatch(consumer, run)
      .catch((error) => console.error(`${consumer}: lost: ${error}`))
      .finally(() => {
        inFlight -= 1;
        workOff();
      });
  }
  if (next === waiting.length) {
    waiting = [];
    next = 0;
  }
}

async function dispatch(consumer, run) {
  const [owner, repo] = consumer.split("/");
  await octokit.request("POST /repos/{owner}/{repo}/dispatches", {
    owner,
    repo,
    event_type: "order-finished",
    client_payload: { zekt: envelope(run) },
  });
}

function envelope(run) {
  return {
    version: "1",
    deliveryId: randomUUID(),
    correlationId: String(run.id),
    attempt: 1,
    eventType: "order-finished",
    provider: {
      repository: run.repository.full_name,
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

webhooks.on("workflow_run.completed", ({ payload }) => {
  const run = { ...payload.workflow_run, repository: payload.repository };
  for (const consumer of consumers[payload.repository.full_name] ?? []) waiting.push([consumer, run]);
  workOff();
});

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

const server = createServer(async (request, response) => {
  try {
    await webhooks.verifyAndReceive({
      id: request.headers["x-github-delivery"],
      name: request.headers["x-github-event"],
      signature: request.headers["x-hub-signature-256"] ?? "",
      payload: await bodyOf(request),
    });
    response.writeHead(202).end();
  } catch {
    response.writeHead(400).end();
  }
});
server.listen(Number(PEER_PORT), "127.0.0.1", () => console.log('{"event": "started"}'));
process.on("SIGTERM", () => process.exit(0));
