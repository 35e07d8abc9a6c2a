// The handlers that Restate calls: one invocation for the event, and from it one for each consumer.

import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Octokit } from "@octokit/core";
import * as restate from "@restatedev/restate-sdk";

const { PEER_CONSUMERS, PEER_GITHUB_API_URL, PEER_GITHUB_TOKEN } = process.env;
const { PEER_RESTATE_ADMIN_PORT, PEER_RESTATE_SERVICE_PORT } = process.env;

const consumers = JSON.parse(readFileSync(PEER_CONSUMERS, "utf8"));
const octokit = new Octokit({ auth: PEER_GITHUB_TOKEN, baseUrl: PEER_GITHUB_API_URL });

const dispatcher = restate.service({
  name: "dispatcher",
  handlers: {
    dispatch: async (ctx, { consumer, envelope }) => {
      const [owner, repo] = consumer.split("/");
      const deliveryId = ctx.rand.uuidv4();
      await ctx.run("dispatch", async () => {
        await octokit.request("POST /repos/{owner}/{repo}/dispatches", {
          owner,
          repo,
          event_type: envelope.eventType,
          client_payload: { zekt: { ...envelope, deliveryId } },
        });
      });
    },
  },
});

const bridge = restate.service({
  name: "bridge",
  handlers: {
    fanOut: async (ctx, { repository, envelope }) => {
      for (const consumer of consumers[repository] ?? []) {
        ctx.serviceSendClient(dispatcher).dispatch({ consumer, envelope });
      }
    },
  },
});

async function register() {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${PEER_RESTATE_ADMIN_PORT}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: `http://127.0.0.1:${PEER_RESTATE_SERVICE_PORT}` }),
    }).catch(() => null);
    if (answer?.ok) return;
    await pause(100);
  }
  throw new Error("Restate took no registration");
}

await restate.serve({ services: [bridge, dispatcher], port: Number(PEER_RESTATE_SERVICE_PORT) });
await register();
console.log('{"event": "registered"}');
process.on("SIGTERM", () => process.exit(0));
