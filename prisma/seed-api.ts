/** The API as the demo uses it: documents as plain texts, beside those of the client. */
import { type Client, type Document, IsimudError } from "../clients/typescript/client.ts";

export type Call = <Data>(document: string, variables?: Record<string, unknown>) => Promise<Data>;

/** Rejects with an IsimudError whose message ends with the document, or says what to do when nothing answers. */
export function callsTo(client: Client): Call {
  return async <Data>(document: string, variables: Record<string, unknown> = {}) => {
    try {
      return (await client.request(document as unknown as Document<Data, typeof variables>, variables)) as Data;
    } catch (error) {
      if (!(error instanceof IsimudError)) throw error;
      const { code, retry, cause } = error;
      const more =
        code === "UNREACHABLE" ? "Start Isimud with npm start first, or name its URL: npm run demo -- URL" : document;
      throw new IsimudError(`${code}: ${error.message}\n${more}`, { code, retry, cause });
    }
  };
}
