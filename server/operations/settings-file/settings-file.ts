import type { OperationContext } from "../context.ts";
import { createSettingsExport, type SettingsExport, type SettingsParts } from "./export.ts";
import { createSettingsImport, type SettingsImport } from "./import.ts";

/** Pools, flavors, and queues with their settings, as one file. */
export interface SettingsFileOperations extends SettingsExport, SettingsImport {}

export function createSettingsFileOperations(context: OperationContext, parts: SettingsParts): SettingsFileOperations {
  return { ...createSettingsExport(context, parts), ...createSettingsImport(context, parts) };
}
