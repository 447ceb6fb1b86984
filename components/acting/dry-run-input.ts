/** The input of a dry run, from what is chosen. */
import type { VariablesOf } from "gql.tada";
import type { Choices, QueuesScope, Scope } from "./choices.ts";
import type { MAKE_DRY_RUN } from "./documents.ts";

export type DryRunInput = VariablesOf<typeof MAKE_DRY_RUN>["input"];

const STATES = { ready: "READY", claimed: "CLAIMED", delayed: "DELAYED", exhausted: "EXHAUSTED" } as const;

/** The condition of queues with messages in a state. */
export const HOLDING = {
  ready: "hasReady",
  claimed: "hasClaimed",
  delayed: "hasDelayed",
  exhausted: "hasExhausted",
} as const;

/** What is missing, in words, or the input. */
export function dryRunInput(
  scope: Scope,
  choices: Choices,
): { missing: string } | { missing: null; input: DryRunInput } {
  const { action, which, limit } = choices;
  if (scope.kind === "named" && scope.queues.length === 0) return { missing: "Select queues in their list." };
  if (scope.kind === "queues" && scope.project === null && !scope.allProjects && !isNarrowed(scope)) {
    return { missing: "Choose a project, or say which queues." };
  }
  const isUnnamed = action === "move" ? !choices.to : action === "redrive" && choices.to === "";
  if (isUnnamed) return { missing: "Name the queue where they go." };
  const conditions = action === "purge" ? { all: choices.before === null } : conditionsOf(choices);
  if ("missing" in conditions) return { missing: conditions.missing };
  return {
    missing: null,
    input: {
      action: actionOf(scope, choices),
      queues: queuesOf(scope),
      ...conditions,
      ...(limit !== null && which !== "ids" && action !== "purge" && scope.kind === "queue" ? { limit } : {}),
    },
  };
}

/** Some condition leaves queues out. */
export function isNarrowed({ deadLetters, search, pool, flavor, holds, waits }: QueuesScope): boolean {
  return deadLetters || [search, pool, flavor, holds, waits].some((condition) => condition !== null);
}

function conditionsOf(choices: Choices): Pick<DryRunInput, "filter" | "all"> | { missing: string } {
  if (choices.which === "all") return { all: true };
  if (choices.which === "ids") {
    return choices.ids.length === 0 ? { missing: "No message is selected." } : { filter: { ids: [...choices.ids] } };
  }
  const { body, states, client, deliveries, from, before, holder, ends } = choices;
  const others = [body, client, deliveries, from, before, holder, ends];
  if (states.length === 0 && others.every((one) => one === null)) {
    return { missing: "Give at least one condition. An empty one never means everything." };
  }
  return {
    filter: {
      ...(body === null ? {} : { bodyContains: body }),
      ...(states.length === 0 ? {} : { states: states.map((state) => STATES[state]) }),
      ...(client === null ? {} : { clientId: client }),
      ...(deliveries === null ? {} : { minClaimCount: deliveries }),
      ...(from === null ? {} : { postedFrom: from }),
      ...(before === null ? {} : { postedBefore: before }),
      ...(holder === null ? {} : { holder }),
      ...(ends === null ? {} : { claimEndsBefore: ends }),
    },
  };
}

function actionOf(scope: Scope, { action, to, toProject, ttl, delay, force, before }: Choices): DryRunInput["action"] {
  const life = ttl === null ? {} : { ttlSeconds: ttl };
  if (action === "redrive") return { redrive: { ...(to === null ? {} : { to }), ...life } };
  if (action === "delete") return { delete: { force } };
  if (action === "move") return { move: { project: toProject ?? scope.project ?? "", queue: to ?? "", ...life } };
  if (action === "release") return { release: { delaySeconds: delay ?? 0 } };
  return { purge: before === null ? {} : { before } };
}

function queuesOf(scope: Scope): DryRunInput["queues"] {
  if (scope.kind === "queue") return { queue: { project: scope.project, queue: scope.name } };
  if (scope.kind === "named") return { queues: scope.queues.map(({ project, name }) => ({ project, queue: name })) };
  const { project, search, pool, flavor, deadLetters, holds, waits } = scope;
  if (project !== null && !isNarrowed(scope)) return { project };
  return {
    filter: {
      ...(project === null ? { allProjects: true } : { project, allProjects: false }),
      queues: {
        ...(search === null ? {} : { search }),
        ...(pool === null ? {} : { pool }),
        ...(flavor === null ? {} : { flavor }),
        ...(deadLetters ? { isDeadLetterQueue: true } : {}),
        ...(holds === null ? {} : { [HOLDING[holds]]: true }),
        ...(waits === null ? {} : { oldestReadyOlderThanSeconds: waits }),
      },
    },
  };
}
