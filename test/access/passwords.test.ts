import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { requireStrongPassword, verifyPassword } from "../../server/access/accounts/passwords.ts";
import { Turns } from "../../server/access/accounts/turns.ts";

const pat = { email: "pat@example.com", name: "Pat" };
const busy = { code: "DEADLINE_EXCEEDED", status: 503 };

test("a new password may be as long as it likes, up to the limit", async () => {
  await requireStrongPassword(randomBytes(300).toString("base64").slice(0, 256), pat);
  await expect(requireStrongPassword("4@8({[<3961!|0$5+7%2".repeat(12), pat, 60_000)).resolves.toBeUndefined();
  await expect(requireStrongPassword("pat-".repeat(64), pat)).rejects.toMatchObject({ code: "PASSWORD_TOO_WEAK" });
});

test("a check that takes too long, or for which too many wait, is to be repeated", async () => {
  const strong = "plum-Quiver-93-tidal";
  const late = Array.from({ length: 10 }, () => requireStrongPassword(strong, pat, 1));
  const outcomes = await Promise.allSettled(late);
  expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason)).toEqual(
    Array(10).fill(expect.objectContaining(busy)),
  );
  await requireStrongPassword(strong, pat);
});

test("so many sign-ins wait for their turn, and more are refused at once", async () => {
  // The cheapest hash that there is.
  const stored = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA";
  const outcomes = await Promise.allSettled(Array.from({ length: 70 }, () => verifyPassword(stored, "x")));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(66);
  expect(outcomes.at(-1)).toMatchObject({ status: "rejected", reason: busy });
  expect(await verifyPassword(stored, "x")).toBe(false);
});

test("turns are taken by so many at a time, and given back by work that fails", async () => {
  const turns = new Turns({ atOnce: 2, waiting: 1 });
  const ends: (() => void)[] = [];
  const work = () => new Promise<void>((_resolve, reject) => ends.push(() => reject(new Error("over"))));
  const taken = [turns.take(work), turns.take(work), turns.take(work)].map((one) => one.catch(String));
  await expect(turns.take(work)).rejects.toMatchObject(busy);
  expect(ends).toHaveLength(2);
  ends[0]?.();
  await taken[0];
  await expect.poll(() => ends.length).toBe(3);
  for (const end of ends) end();
  expect(await Promise.all(taken)).toEqual(Array(3).fill("Error: over"));
  expect(await turns.take(async () => "free")).toBe("free");
});
