"use client";

import { projectLabel } from "../projects/project-name.tsx";
import { type QueuesScope, readStateNames, STATES } from "./choices.ts";
import { CheckBox, CONTROL, Condition, FormRow, NumberInput, TextInput } from "./controls.tsx";
import { isNarrowed } from "./dry-run-input.ts";

/** Projects that the list offers. */
const OFFERED = 100;
/** The values of projects begin with "in ". */
const EVERYWHERE = "all";
const optionOf = (project: string) => `in ${project}`;

/** Which queues. All of all projects are a choice that somebody makes, never what is there at first. */
export default function QueuesRow({
  scope,
  projects,
  onChange,
}: {
  scope: QueuesScope;
  projects: readonly string[];
  onChange: (changes: Partial<QueuesScope>) => void;
}) {
  const { project, allProjects, search, pool, flavor, deadLetters, holds, waits } = scope;
  const chosen = project !== null ? optionOf(project) : allProjects || isNarrowed(scope) ? EVERYWHERE : "";
  const names = [...new Set([...projects, ...(project === null ? [] : [project])])];
  return (
    <FormRow
      label="Queues"
      hint={
        projects.length < OFFERED
          ? undefined
          : "These are the first 100 projects. The list of a project's queues leads here, too."
      }
    >
      <div className="grid grid-cols-[auto_minmax(0,1fr)] items-center gap-x-3 gap-y-1.5 max-sm:grid-cols-1">
        <Condition label="Of">
          <select
            aria-label="Queues of"
            value={chosen}
            onChange={({ target }) =>
              onChange({
                allProjects: target.value === EVERYWHERE,
                project: names.find((name) => optionOf(name) === target.value) ?? null,
              })
            }
            className={CONTROL}
          >
            {chosen === "" ? <option value="">Choose a project</option> : null}
            {names.map((name) => (
              <option key={name} value={optionOf(name)}>
                {projectLabel(name)}
              </option>
            ))}
            <option value={EVERYWHERE}>All projects</option>
          </select>
        </Condition>
        <Condition label="Names begin with">
          <TextInput label="Names begin with" mono value={search} onChange={(next) => onChange({ search: next })} />
        </Condition>
        <Condition label="Pool">
          <TextInput label="Pool" value={pool} placeholder="any" onChange={(next) => onChange({ pool: next })} />
        </Condition>
        <Condition label="Flavor">
          <TextInput label="Flavor" value={flavor} placeholder="any" onChange={(next) => onChange({ flavor: next })} />
        </Condition>
        <Condition label="Kind">
          <CheckBox checked={deadLetters} onChange={(next) => onChange({ deadLetters: next })}>
            Only those that take the dead letters of others
          </CheckBox>
        </Condition>
        <Condition label="Holding, when last sampled">
          <select
            aria-label="Holding, when last sampled"
            value={holds ?? ""}
            onChange={({ target }) => onChange({ holds: readStateNames(target.value)[0] ?? null })}
            className={CONTROL}
          >
            <option value="">anything or nothing</option>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {state} messages
              </option>
            ))}
          </select>
        </Condition>
        <Condition label="Oldest ready, older than">
          <NumberInput
            label="Oldest ready, older than, in seconds"
            least={1}
            unit="seconds, when last sampled"
            value={waits}
            onChange={(next) => onChange({ waits: next })}
          />
        </Condition>
      </div>
    </FormRow>
  );
}
