import { API_PATH } from "./api.ts";
import { ANSWER_CHANGED } from "./documents.ts";
import { textOf } from "./graphql.ts";
import type { Connect } from "./ui/live-tabs.ts";

/** The stream of the API that tells when the answers to queries change. By fetch: an EventSource cannot send a body. */
export const connectLive: Connect = async (views, onChange, signal) => {
  const queries = views.map(({ document, variables }, index) => ({ key: String(index), document, variables }));
  const response = await fetch(API_PATH, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: textOf(ANSWER_CHANGED), variables: { queries } }),
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
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data === undefined) continue;
      const change = JSON.parse(data).data?.answerChanged;
      if (change) onChange({ index: Number(change.key), digest: change.digest });
    }
  }
};
