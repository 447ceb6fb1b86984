import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

/** What the page lets people download. */
export const SETTINGS_FILE = graphql(`
  query SettingsFile {
    settingsFile {
      fileText
    }
  }
`);

export const IMPORT_SETTINGS = graphql(`
  mutation ImportSettings($input: ImportSettingsInput!) {
    importSettings(input: $input) {
      changes {
        kind
        project
        name
        action
        beforeText
        afterText
        done
        error {
          code
          message
        }
      }
      unchanged
    }
  }
`);
export type SettingsImported = NonNullable<ResultOf<typeof IMPORT_SETTINGS>["importSettings"]>;
export type SettingsChange = SettingsImported["changes"][number];
