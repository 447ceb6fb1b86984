"use client";

import { Kbd } from "./kbd.tsx";
import { Modal } from "./modal.tsx";

const KEYS: { keys: string[]; does: string }[] = [
  { keys: ["Ctrl K", "⌘ K"], does: "Find a queue, page or action" },
  { keys: ["/"], does: "Go to the search of the page" },
  { keys: ["j"], does: "Next row" },
  { keys: ["k"], does: "Previous row" },
  { keys: ["Enter"], does: "Open the row" },
  { keys: ["Shift click"], does: "Show what a button would send" },
  { keys: ["x"], does: "Select the row, where rows can be selected" },
  { keys: ["Esc"], does: "Close what is open" },
  { keys: ["?"], does: "Show these keys" },
];

/** Which keys do what. */
export default function KeySheet({ onClose }: { onClose: () => void }) {
  return (
    <Modal label="Keys" onClose={onClose} className="max-w-96">
      {(close) => (
        <div className="flex flex-col gap-3 p-4">
          <h2 className="font-semibold">Keys</h2>
          <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2">
            {KEYS.map(({ keys, does }) => (
              <div key={does} className="contents">
                <dt className="flex gap-1">
                  {keys.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
          <button type="button" onClick={close} className="self-end rounded px-2 py-1 text-ink-2 hover:bg-raised">
            Close
          </button>
        </div>
      )}
    </Modal>
  );
}
