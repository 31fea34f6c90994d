/** One line broken, and the test that must turn red by it. */
export type Mutant = {
  readonly file: string
  /** What the break does, in the words of who would suffer from it. */
  readonly breaks: string
  /** Stands in the file exactly once. */
  readonly text: string
  readonly instead: string
  readonly test: readonly [file: string, name: string]
}

const ledger = 'test/ledger/ledger.test.ts'
const judge = 'test/catalog/stability-judge.test.ts'
const promises = 'test/journeys/money-promises.test.ts'
const turns = 'test/upstream/turns.test.ts'
const queue = 'test/limits/queue.test.ts'

const books: readonly Mutant[] = [
  {
    file: 'src/ledger/texts.ts',
    breaks: 'credits held for other calls can be held again',
    text: `status = 'active' AND posted - held >= $3 AND`,
    instead: `status = 'active' AND posted >= $3 AND`,
    test: ['test/journeys/paid-call.test.ts', 'a thousand parallel calls with credit for 37 give exactly 37 successes'],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'a call can end twice',
    text: `ended_at = $13\n  WHERE id = $1 AND state = 'held'`,
    instead: 'ended_at = $13\n  WHERE id = $1',
    test: [ledger, 'sqlite: a call is charged once, however often it is settled'],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'what is charged stays held as well',
    text: 'posted = posted - $2, held = held - $3,',
    instead: 'posted = posted - $2, held = held - $3 + $2,',
    test: [ledger, 'sqlite: a grant, a hold and a settle leave the entries they should'],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'what a release returns stays used of its quota',
    text: "{ sql: returnToAccount, from: endPlaces('account_id', 'unused', 'day'), when: unusedPlace },",
    instead: '',
    test: [ledger, 'sqlite: what is not charged of a hold is free again, and its quota too'],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'the quota of a day is one for ever',
    text: "WHEN 'day' THEN",
    instead: "WHEN 'days' THEN",
    test: [
      'test/journeys/clock.test.ts',
      'a quota by day is fresh on the next day, and a clock put back opens no day again',
    ],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: "a key spends another account's credits",
    text: 'WHERE keys.id = $2 AND keys.account_id = $1 AND keys.revoked_at',
    instead: 'WHERE keys.id = $2 AND keys.revoked_at',
    test: [ledger, "sqlite: a key cannot spend another account's credits"],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'a key revoked after its sign-in still buys',
    text: 'AND keys.account_id = $1 AND keys.revoked_at IS NULL',
    instead: 'AND keys.account_id = $1',
    test: ['test/ledger/races.test.ts', 'sqlite: a key that is revoked while calls come in is refused from then on'],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'a charge is refunded again and again',
    text: `AND credits > 0 AND refunded_at IS NULL`,
    instead: 'AND credits > 0',
    test: [ledger, 'sqlite: a charge is refunded once, and the call stays settled'],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'a repeated grant gives its credits again',
    text: `must: 'repeated',`,
    instead: 'must: undefined,',
    test: [ledger, 'sqlite: a grant with the same reference happens once, and another one with it is refused'],
  },
  {
    file: 'src/ledger/texts.ts',
    breaks: 'credits that are held can be taken back',
    text: `status <> 'closed' AND posted - held + $2 >= 0`,
    instead: `status <> 'closed' AND posted + $2 >= 0`,
    test: [ledger, 'sqlite: taking back never goes below what is available'],
  },
  {
    file: 'src/ledger/ledger.ts',
    breaks: 'more is charged than was held',
    text: 'if (ending.credits > hold.amount) throw',
    instead: 'if (ending.credits < 0) throw',
    test: [ledger, 'sqlite: more than was held is never charged'],
  },
  {
    file: 'src/ledger/ledger.ts',
    breaks: 'a settle of a released hold counts as done',
    text: `const settled = await endedAs('settled', hold.id)`,
    instead: 'const settled = hold.balance',
    test: [promises, 'a call whose hold was released meanwhile delivers nothing and says hold_expired'],
  },
]

const recovery: readonly Mutant[] = [
  {
    file: 'src/ledger/texts.ts',
    breaks: "recovery releases the living's holds",
    text: `FROM calls WHERE owner = $1 AND state = 'held'`,
    instead: `FROM calls WHERE owner IN ($1, owner) AND state = 'held'`,
    test: [ledger, 'sqlite: recovery releases the holds of the owner that is gone and no other'],
  },
  {
    file: 'src/ledger/leases.ts',
    breaks: 'a lease that still runs counts as over',
    text: 'instances.until IS NULL OR instances.until <',
    instead: 'instances.until IS NULL OR instances.until >',
    test: [
      'test/chores/recover.test.ts',
      'sqlite: holds of a replica whose lease is over are released, those of the living are not',
    ],
  },
  {
    file: 'src/chores/recover.ts',
    breaks: 'a replica never renews its lease',
    text: '  await leases.renew()',
    instead: '',
    test: [
      'test/chores/recover.test.ts',
      'sqlite: the chore renews its lease, releases what turns up, and leaves when it is closed',
    ],
  },
  {
    file: 'src/house.ts',
    breaks: 'the holds of a dead process stay',
    text: 'if (!shared) await recoverAll(ledger, owner, log)',
    instead: '',
    test: [
      'test/journeys/crash.test.ts',
      'a process that dies while the upstream works gives the credits back and tells of it',
    ],
  },
]

const outcomes: readonly Mutant[] = [
  {
    file: 'src/gateway/gateway.ts',
    breaks: "a caller is sent another caller's picture",
    text: `reply.raw.once('finish', () => giveBack(form, forwarded))`,
    instead: 'giveBack(form, forwarded)',
    test: [
      'test/journeys/callers-after.test.ts',
      'large pictures reach their own callers only, byte for byte, while others read late, leave or never read',
    ],
  },
  {
    file: 'src/gateway/gateway.ts',
    breaks: "the upstream is sent another caller's form",
    text: 'if (bodyOut) bodies',
    instead: 'bodies',
    test: [
      'test/journeys/upstream-connections.test.ts',
      'a form that is answered before it was read reaches the upstream unchanged, whatever others send by then',
    ],
  },
  {
    file: 'src/catalog/stability-judge.ts',
    breaks: 'half a picture is charged',
    text: `answer.kind === 'whole' && answer.status === 200 ? judgeWhole`,
    instead: 'answer.status === 200 ? judgeWhole',
    test: [judge, 'nothing but a whole answer is paid, however good the picture'],
  },
  {
    file: 'src/catalog/stability-judge.ts',
    breaks: 'an answer whose end nothing proves is charged',
    text: 'if (!head?.framed) return',
    instead: 'if (!head) return',
    test: [judge, 'an answer whose end nothing proves, or that is encoded, is not paid'],
  },
  {
    file: 'src/catalog/stability-judge.ts',
    breaks: 'what only says it is a picture is charged',
    text: 'if (pictureTypeOf(body) !== head.type) {',
    instead: 'if (body.length === 0) {',
    test: [judge, 'a picture is known by its first bytes alone'],
  },
  {
    file: 'src/catalog/stability-judge.ts',
    breaks: 'filtered pictures are charged against the setting',
    text: 'paid: !filtered || chargeFiltered',
    instead: 'paid: true',
    test: [judge, 'what was filtered is charged unless the operator says otherwise'],
  },
  {
    file: 'src/gateway/call.ts',
    breaks: 'test keys cost credits',
    text: `const amount = mode === 'test' ? (0 as Credits) : price`,
    instead: 'const amount = price',
    test: [promises, 'a test key draws for an account without a credit, and touches none of one that has some'],
  },
  {
    file: 'src/gateway/call.ts',
    breaks: 'a picture is delivered although its hold was gone',
    text: 'if (error instanceof Problem) return { refusal: error }',
    instead: 'if (error instanceof Problem) return {}',
    test: [promises, 'a call whose hold was released meanwhile delivers nothing and says hold_expired'],
  },
  {
    file: 'src/gateway/call.ts',
    breaks: 'the reply goes out before the charge is on disk',
    text: ': await deliverable(call,',
    instead: ': deliverable(call,',
    test: [promises, 'no byte of a picture goes out before its charge is on disk'],
  },
  {
    file: 'src/gateway/call.ts',
    breaks: 'a settle that found no room is never tried again',
    text: 'performance.now() + pauseMs > until',
    instead: 'until > 0',
    test: [
      'test/journeys/disk.test.ts',
      'a settle that finds the disk full delivers nothing until there is room, and then charges once',
    ],
  },
]

const sending: readonly Mutant[] = [
  {
    file: 'src/upstream/upstream.ts',
    breaks: 'a paid call is sent again after any failure',
    text: 'if (!setAside(token, last)) break',
    instead: 'if (!setAside(token, last) && attempts.length > 1) break',
    test: ['test/journeys/upstream-tokens.test.ts', 'moderation: no other token is tried'],
  },
  {
    file: 'src/upstream/upstream.ts',
    breaks: 'a call that broke after it was sent is sent again',
    text: `last.kind === 'unreached' && reached &&`,
    instead: `last.kind !== 'whole' && reached &&`,
    test: [
      'test/journeys/upstream-connections.test.ts',
      'a pooled connection that dies under a request is a 502 and is not tried again',
    ],
  },
  {
    file: 'src/upstream/upstream.ts',
    breaks: 'the upstream works for callers who have left',
    text: '      if (gone()) {',
    instead: '      if (attempts.length > 99) {',
    test: ['test/upstream/upstream.test.ts', 'a caller who is gone before the sending costs nobody anything'],
  },
  {
    file: 'src/upstream/answer.ts',
    breaks: 'what was sent counts as never sent',
    text: 'this.#sent = true',
    instead: 'this.#sent = false',
    test: ['test/upstream/answer.test.ts', 'an exchange ended after the request went out says so, once'],
  },
  {
    file: 'src/upstream/answer.ts',
    breaks: 'what was given up before it was connected is sent all the same',
    text: 'if (this.#broken) throw this.#broken',
    instead: '',
    test: ['test/upstream/answer.test.ts', 'an exchange ended before its connection stands is never sent'],
  },
  {
    file: 'src/upstream/turns.ts',
    breaks: 'a token that was refused is used at once again',
    text: 'seat.until = ms > 0 ? performance.now() + ms : Number.POSITIVE_INFINITY',
    instead: 'seat.until = performance.now()',
    test: [turns, 'a token set aside takes no call; cooling ends by itself, empty and revoked when somebody says so'],
  },
  {
    file: 'src/upstream/turns.ts',
    breaks: 'a turn that was given back stays in flight',
    text: '        pace.giveBack(seat.id)\n        end()',
    instead: '        pace.giveBack(seat.id)',
    test: [turns, 'calls in flight are bounded per token and for all together, and room is told'],
  },
  {
    file: 'src/upstream/turns.ts',
    breaks: 'one token has more calls in flight than it may',
    text: 'concurrency > 0 && seat.inFlight >= concurrency',
    instead: 'concurrency > 0 && seat.inFlight > concurrency',
    test: [turns, 'calls in flight are bounded per token and for all together, and room is told'],
  },
  {
    file: 'src/upstream/turns.ts',
    breaks: 'the last token that works goes to rest',
    text: 'if (!others || stateOf(seat)',
    instead: 'if (stateOf(seat)',
    test: [turns, 'the last token that works never rests'],
  },
]

const limits: readonly Mutant[] = [
  {
    file: 'src/keys/keys.ts',
    breaks: 'a reading older than a change is remembered',
    text: 'if (identity && before === changes) remembered',
    instead: 'if (identity) remembered',
    test: ['test/keys/keys.test.ts', 'what is read while a change comes in is not remembered'],
  },
  {
    file: 'src/limits/slots.ts',
    breaks: 'one call more than the bound is in flight',
    text: 'if (count >= most) return undefined',
    instead: 'if (count > most) return undefined',
    test: [
      'test/limits/slots.test.ts',
      'as many slots are given as there may be, and one that is freed can be taken again',
    ],
  },
  {
    file: 'src/limits/slots.ts',
    breaks: "freeing a slot twice frees somebody else's",
    text: 'if (!held) return',
    instead: 'if (held === undefined) return',
    test: ['test/limits/slots.test.ts', 'a slot is freed once, however often it is asked to'],
  },
  {
    file: 'src/limits/pace.ts',
    breaks: 'a span may have one call too many',
    text: 'windowMs / (calls - burst + 1)',
    instead: 'windowMs / (calls - burst + 2)',
    test: ['test/limits/pace.test.ts', 'who takes all there is gets the whole pace, a tenth of it at once'],
  },
  {
    file: 'src/limits/queue.ts',
    breaks: "one account's hundred calls go before everybody else's",
    text: '          lanes.delete(name)\n',
    instead: '',
    test: [queue, "one call of a lane goes before another lane's hundred"],
  },
  {
    file: 'src/limits/queue.ts',
    breaks: 'a turn that nobody waits for any more is lost',
    text: 'else turn.giveBack()',
    instead: '',
    test: [queue, 'a turn found by nobody goes back, and word of room that comes meanwhile is not lost'],
  },
  {
    file: 'src/limits/rate.ts',
    breaks: 'calls within a window are not counted',
    text: '    window.calls++',
    instead: '',
    test: ['test/limits/rate.test.ts', 'an exhausted key stays exhausted after thousands of others have called'],
  },
  {
    file: 'src/limits/rate.ts',
    breaks: 'a clock put back shuts keys out for as long',
    text: 'openWindows(now: () => number = () => performance.now())',
    instead: 'openWindows(now: () => number = () => Date.now())',
    test: [
      'test/journeys/clock.test.ts',
      'a rate window lasts no longer than its length after a clock that jumps a day back',
    ],
  },
  {
    file: 'src/limits/failures.ts',
    breaks: 'a stranger who hangs up ends the house',
    text: 'if (address === undefined) return undefined',
    instead: '',
    test: [
      'test/journeys/money-leavers.test.ts',
      'a caller with a bad key who hangs up while it is looked up leaves the house standing',
    ],
  },
  {
    file: 'src/replays/replays.ts',
    breaks: 'calls at once with one Idempotency-Key are each made',
    text: `nowMs - ttlMs], must: 'claimed' }`,
    instead: 'nowMs - ttlMs] }',
    test: ['test/journeys/idempotency.test.ts', 'of fifty parallel calls with one key exactly one is made and charged'],
  },
  {
    file: 'src/gateway/again.ts',
    breaks: "another body gets the first one's picture",
    text: 'if (earlier.sameness !== sameness) throw',
    instead: 'if (earlier.sameness === undefined) throw',
    test: ['test/journeys/idempotency.test.ts', 'another body, another order of parts or another accept is a conflict'],
  },
  {
    file: 'src/gateway/body.ts',
    breaks: 'a body may be larger than the limit',
    text: 'if (read > limitBytes) return',
    instead: 'if (read > limitBytes + 1) return',
    test: [
      'test/gateway/body.test.ts',
      'a body of exactly the limit passes, one byte more is 413 and can be read by who is still sending',
    ],
  },
]

export const mutants: readonly Mutant[] = [...books, ...recovery, ...outcomes, ...sending, ...limits]
