import { API_PATH } from "./api.ts";
import { ANSWER_CHANGED } from "./documents.ts";
import { type Document, textOf } from "./graphql.ts";
import type { Connect } from "./ui/live-tabs.ts";
import { showRequest } from "./ui/shown-requests.ts";

/**
 * Runs a subscription until its stream ends, and calls `onData` with the data of each event. By fetch: an EventSource
 * cannot send a body.
 */
export async function listen<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  onData: (data: Data) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(API_PATH, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: textOf(document), variables }),
    signal,
  });
  if (!response.ok || response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const json = /^data: (.*)$/m.exec(event)?.[1];
      const data = json === undefined ? null : JSON.parse(json).data;
      if (data) onData(data);
    }
  }
}

/** The same, for a stream that the page's sheet shows while it runs, under this name. */
export async function listenInSight<Data, Variables extends object>(
  name: string,
  ...[document, variables, ...rest]: Parameters<typeof listen<Data, Variables>>
): Promise<void> {
  const hide = showRequest({ name, document: textOf(document), calls: [variables] });
  try {
    await listen(document, variables, ...rest);
  } finally {
    hide();
  }
}

/** The stream of the API that tells when the answers to queries change. */
export const connectLive: Connect = (views, onChange, signal) => {
  const queries = views.map(({ document, variables }, index) => ({ key: String(index), document, variables }));
  return listen(
    ANSWER_CHANGED,
    { queries },
    ({ answerChanged }) => {
      if (answerChanged) onChange({ index: Number(answerChanged.key), digest: answerChanged.digest });
    },
    signal,
  );
};
