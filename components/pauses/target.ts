import { projectLabel } from "../projects/project-name.tsx";
import type { PauseFacts } from "./fragments.ts";

/** A queue, a project, or with neither everything. */
export interface Target {
  project?: string;
  queue?: string;
}

export const targetOf = ({ project, queueName }: Pick<PauseFacts, "project" | "queueName">): Target => ({
  ...(project === null ? {} : { project }),
  ...(queueName === null ? {} : { queue: queueName }),
});

export function inputOf({ project, queue }: Target) {
  if (project !== undefined && queue !== undefined) return { queue: { project, queue } };
  return project === undefined ? { everything: true } : { project };
}

/** In a sentence: "the queue orders". */
export function named({ project, queue }: Target): string {
  if (queue !== undefined) return `the queue ${queue}`;
  return project === undefined ? "everything" : `the project ${projectLabel(project)}`;
}

export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
