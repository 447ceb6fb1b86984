/** Pools, flavors, and queues with their settings, as one file. */

import { SETTINGS_VERSION } from "../operations/settings-file/format.ts";
import { MAX_OBJECTS, type SettingsChange, type SettingsImported } from "../operations/settings-file/import.ts";
import { ErrorCodeType } from "./http/mask-errors.ts";
import { reasonField } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { KEEPING_WAITING } from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";
import { JsonInput, textOf } from "./schema/json-input.ts";

const SettingsFileType = builder.objectRef<{ text: string }>("SettingsFile").implement({
  description: "Pools, flavors, and queues with their settings, for `importSettings`.",
  fields: (t) => ({
    version: t.field({
      type: "SafeInt",
      description: "The version of its format.",
      resolve: () => SETTINGS_VERSION,
    }),
    file: t.field({
      type: "JSON",
      description: "The file, an object. Passwords in the URIs of pools are masked.",
      resolve: ({ text }) => new RawJson(text),
    }),
    fileText: t.exposeString("text", { description: "The same as JSON text, with an object on each line." }),
  }),
});

builder.queryFields((t) => ({
  settingsFile: t.field({
    type: SettingsFileType,
    args: {
      project: t.arg.string({
        description: "Flavors and queues of this project alone. Left out: of all that you may see.",
      }),
    },
    complexity: KEEPING_WAITING,
    description:
      "All registered pools, flavors, and queues with their metadata, as one file. Not messages, claims, subscriptions and keys, nor which pool holds a queue. It is no snapshot. TOO_LARGE for more than an answer holds: then download `/api/export/settings.json`, which has no limit.",
    resolve: async (_root, { project }, { access, operations }) => ({
      text: await operations.settingsFile.text(access, { project }),
    }),
  }),
}));

const SettingsKind = builder.enumType("SettingsKind", {
  description: "A kind of object in a settings file.",
  values: {
    POOL: { value: "pool", description: "A pool." },
    FLAVOR: { value: "flavor", description: "A flavor." },
    QUEUE: { value: "queue", description: "A queue." },
  } as const,
});

const SettingsAction = builder.enumType("SettingsAction", {
  description: "What an import does to an object.",
  values: {
    CREATE: { value: "create", description: "It is missing, and is created." },
    UPDATE: { value: "update", description: "It differs, and is changed." },
    NONE: { value: "none", description: "Nothing is to be done." },
  } as const,
});

const SettingsErrorType = builder.objectRef<NonNullable<SettingsChange["error"]>>("SettingsError").implement({
  description: "Why an object was not imported.",
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCodeType, description: "Its code." }),
    message: t.exposeString("message", { description: "For people." }),
  }),
});

const SettingsChangeType = builder.objectRef<SettingsChange>("SettingsChange").implement({
  description: "What an import did to one object of the file, or would do.",
  fields: (t) => ({
    kind: t.expose("kind", { type: SettingsKind, description: "What it is." }),
    project: t.exposeString("project", { nullable: true, description: "Its project; null for a pool." }),
    name: t.exposeString("name", { description: "Its name." }),
    action: t.expose("action", { type: SettingsAction, description: "What is done to it." }),
    beforeText: t.exposeString("beforeText", {
      nullable: true,
      description:
        "What it was, as JSON text of an object: of a pool what changes, of a queue its metadata. Null: it is new.",
    }),
    afterText: t.exposeString("afterText", { description: "What it becomes, likewise. Passwords are masked." }),
    done: t.exposeBoolean("done", { description: "True: it was done. False: a dry run, or `error` says why not." }),
    error: t.expose("error", {
      type: SettingsErrorType,
      nullable: true,
      description: "Why it is not done; else null.",
    }),
  }),
});

const ImportSettingsInput = builder.inputType("ImportSettingsInput", {
  description: "A settings file to import.",
  fields: (t) => ({
    file: t.field({
      type: JsonInput,
      required: true,
      description: `The file, with at most ${MAX_OBJECTS} objects. A part of a file is a file too.`,
    }),
    dryRun: t.boolean({
      required: true,
      defaultValue: false,
      description: "Change nothing, and say what would be done.",
    }),
    verifyPools: t.boolean({
      required: true,
      defaultValue: true,
      description: "Connect to the URIs of new and changed pools. See `createPool`.",
    }),
    reason: t.string(reasonField),
  }),
});

const ImportSettingsPayload = builder.objectRef<SettingsImported>("ImportSettingsPayload").implement({
  description: "The result of importSettings.",
  fields: (t) => ({
    changes: t.expose("changes", {
      type: [SettingsChangeType],
      description: "What changes and what fails: pools, then flavors, then queues, each in the order of the file.",
    }),
    unchanged: t.expose("unchanged", {
      type: "SafeInt",
      description: "How many objects are as the file says already.",
    }),
  }),
});

builder.mutationFields((t) => ({
  importSettings: t.field({
    type: ImportSettingsPayload,
    args: { input: t.arg({ type: ImportSettingsInput, required: true, description: "The file." }) },
    complexity: KEEPING_WAITING,
    description:
      "Makes pools, flavors and queues as the file says. It creates what is missing, updates what differs, and deletes nothing. Each object is one step: an error of one is in its `error`, and the others go on. Safe to repeat. What a pool leaves out stays as it is; a masked URI is the one that the pool has. An error of the file itself changes nothing.",
    resolve: (_root, { input: { file, dryRun, verifyPools } }, { access, operations }) =>
      operations.settingsFile.import(access, { text: textOf(file), dryRun, verifyPools }),
  }),
}));
