import { afterEach, expect, test, vi } from "vitest";
import { type Connect, MOST_VIEWS, type View, watchLive } from "../../../components/ui/live-tabs.ts";

const stops = new Set<() => void>();
afterEach(() => {
  for (const stop of stops) stop();
  stops.clear();
});

/** A stream that tells of each view at once, and stays open. */
const streams: View[][] = [];
const connect: Connect = (views, onChange, signal) => {
  streams.push([...views]);
  for (const index of views.keys()) onChange({ index, digest: "same" });
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
};

function openTab(number: number): { connected: boolean; stop: () => void } {
  const tab = {
    connected: false,
    stop: watchLive({ document: "{ __typename }", variables: { number } }, connect, {
      onView: () => undefined,
      onConnected: (connected) => {
        tab.connected = connected;
      },
    }),
  };
  stops.add(tab.stop);
  return tab;
}

test("of more tabs than a stream has room for, the others know that they have none, and follow when one leaves", async () => {
  const tabs = Array.from({ length: MOST_VIEWS + 1 }, (_, number) => openTab(number));
  const connected = () => tabs.filter((tab) => tab.connected).length;
  await vi.waitFor(() => expect(connected()).toBe(MOST_VIEWS), 3000);
  const without = tabs.filter((tab) => !tab.connected);
  expect(without).toHaveLength(1);
  expect(Math.max(...streams.map((views) => views.length))).toBe(MOST_VIEWS);
  // Not the first, which leads.
  const leaving = tabs[1] as (typeof tabs)[number];
  stops.delete(leaving.stop);
  leaving.stop();
  await vi.waitFor(() => expect(without[0]?.connected).toBe(true), 3000);
});
