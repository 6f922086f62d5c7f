/** Random calls, failures and clients that leave: the upstream itself witnesses that no budget is ever passed. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let gateway: Gateway;
const NANO_PER_TOKEN = 5_000;
const BUDGET_TOKENS = 400;
const LEAVES = 'leaves';

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      model_list: [deployment(upstream, 'm', { input_cost_per_token: 0, output_cost_per_token: NANO_PER_TOKEN / 1e9 })],
      router_settings: { num_retries: 1 },
      tollgate_settings: { budget_wait: 5 },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** What the upstream sees: tokens that calls under way may still use, and those that answered calls have used. */
class Witness {
  underWay = 0;
  used = 0;
  most = 0;

  /** Of calls whose client leaves, the gateway knows a moment before the upstream does: they only take room here. */
  arrive({ body, closed }: SeenRequest, { usage, status, cut }: Behaviour): void {
    if (body['user'] === LEAVES) return;
    const cap = Number(body['max_tokens']);
    this.underWay += cap;
    this.most = Math.max(this.most, this.used + this.underWay);
    void closed.then(() => {
      this.underWay -= cap;
      const answers = status === undefined && cut === undefined;
      // What is charged for a call that broke off is the ledger's to say.
      if (answers) this.used += Number((usage as { completion_tokens: number }).completion_tokens);
    });
  }
}

for (const seed of [11, 12, 13]) {
  test(`with seed ${seed}, what is used and what is under way never pass the budget together`, async () => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T; // Never empty.
    const witness = new Witness();
    upstream.behave = (request) => {
      const completion_tokens = Math.ceil(Number(request.body['max_tokens']) * random());
      const usage = { prompt_tokens: 5, completion_tokens, total_tokens: 5 + completion_tokens };
      const behaviour: Behaviour = {
        headers: { connection: 'close' },
        usage,
        delayMs: Math.floor(random() * 25),
        ...pick<Behaviour>([{}, {}, {}, { status: 500 }, { status: 400 }, { cut: { after: 1, how: 'close' } }]),
        ...(request.body['user'] === LEAVES && { silent: true }),
      };
      witness.arrive(request, behaviour);
      return behaviour;
    };
    const made = await gateway.post('/key/generate', { max_budget: (BUDGET_TOKENS * NANO_PER_TOKEN) / 1e9 });
    const { key } = (await made.json()) as { key: string };
    const call = async (): Promise<void> => {
      const leaves = random() < 0.3;
      const signal = AbortSignal.timeout(leaves ? 10 + Math.floor(random() * 60) : 10_000);
      const max_tokens = 1 + Math.floor(random() * 60);
      const answer = fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'm',
          messages: [{ role: 'user', content: 'Hello' }],
          max_tokens,
          stream: random() < 0.5,
          ...(leaves && { user: LEAVES }),
        }),
        signal,
      });
      await answer.then((given) => given.text()).catch(() => undefined); // It left.
    };
    for (let round = 0; round < 6; round++) await Promise.all(Array.from({ length: 15 }, call));
    expect(witness.most).toBeGreaterThan(BUDGET_TOKENS / 2);
    expect(witness.most).toBeLessThanOrEqual(BUDGET_TOKENS);
    const { info } = (await (await gateway.get(`/key/info?key=${key}`)).json()) as { info: { spend: number } };
    expect(info.spend).toBeLessThanOrEqual((BUDGET_TOKENS * NANO_PER_TOKEN) / 1e9 + 1e-12);
  }, 15_000);
}
