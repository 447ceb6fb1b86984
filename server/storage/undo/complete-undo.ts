/** The order of the steps that take something back, for any driver. */
import { hasCode } from "../../errors.ts";
import type { DataDriver } from "../data-driver.ts";
import { undoIsOver } from "../errors/undo-errors.ts";
import { restoreSubscriptions } from "./kept-subscriptions.ts";
import type { Undoable } from "./queue-undo.ts";
import type { Undo, UndoAction, UndosController } from "./undo-records.ts";

const WHAT: Readonly<Record<UndoAction, Undoable>> = {
  purgeQueue: "purge",
  deleteQueue: "queue",
  deleteMessages: "messages",
  deleteMessage: "messages",
};

/**
 * Does what is left of an undo that was started: the pool first, in which the former epoch ends, then the catalogue.
 * May be done by many at once, and again after a crash. UNDO_IS_OVER, and the errors of QueueUndo and of drivers.
 */
export async function completeUndo(
  undos: Pick<UndosController, "finish" | "giveUp">,
  driver: Pick<DataDriver, "undo" | "subscriptions">,
  undo: Undo,
): Promise<{ messages: number | null }> {
  const { project, queue: name, token, fromEpoch, newEpoch } = undo;
  const queue = { project, name, epoch: fromEpoch };
  let messages: number | null = 0;
  let { epoch } = queue;
  if (undo.messages !== 0 || undo.action === "deleteQueue") {
    try {
      if (driver.undo === null) throw undoIsOver(queue, "gone");
      ({ messages } = await driver.undo.restore({ queue, token, what: WHAT[undo.action], newEpoch }));
      epoch = newEpoch;
    } catch (error) {
      if (hasCode(error, "UNDO_IS_OVER")) await undos.giveUp(token);
      throw error;
    }
  }
  await restoreSubscriptions(driver, { ...queue, epoch }, undo);
  if (!(await undos.finish(undo))) throw undoIsOver(queue, "gone");
  return { messages };
}
