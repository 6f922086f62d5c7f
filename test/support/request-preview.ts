/** What the management API asks of the request path, over what is served in a test. */
import type { RequestPreview } from '../../src/admin/request-preview.ts';
import type { LiveModels } from '../../src/app/live-models.ts';
import { priceListModels } from '../../src/app/price-list-models.ts';
import { pipelineParts } from '../../src/app/request-path.ts';
import { createRequestPreview } from '../../src/app/request-preview.ts';
import { createRouting } from '../../src/app/routing.ts';
import { createCards, createMeter } from '../../src/features/meter.ts';
import { modelAccess } from '../../src/features/model-access.ts';
import { NO_GUESTS } from '../../src/gateway/entities.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { loadCatalog } from '../../src/pricing/catalog.ts';
import { createTokenCounter } from '../../src/tokens/token-counter.ts';

export interface PreviewPlace {
  readonly live: LiveModels;
  readonly ledger: Ledger;
  now(): number;
}

/** Nothing limits it, and nobody can be sent a request. */
export function previewOver({ live, ledger, now }: PreviewPlace): RequestPreview & { close(): void } {
  const catalog = loadCatalog();
  const cards = createCards(() => catalog);
  const runtime = () => live.runtime;
  const meter = createMeter(cards, now);
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const nobody = (): never => {
    throw new Error('Nothing is sent in a preview');
  };
  const pipeline = pipelineParts({
    ...{ log, meter, ledger, runtime, now },
    auth: { authenticate: nobody },
    routing: createRouting({ ...{ cards, log, runtime, now }, random: () => 0, hasRoom: () => true, heard: quiet }),
    features: [
      modelAccess(
        () => live.runtime.models,
        () => NO_GUESTS,
      ),
    ],
    sender: { send: nobody },
  });
  const counter = createTokenCounter();
  const newId = () => '019af000-0000-7000-8000-000000000000';
  const preview = createRequestPreview({
    ...{ pipeline, counter, runtime, newId },
    priceList: priceListModels(live, catalog),
  });
  return { ...preview, close: () => counter.close() };
}

const quiet = (): void => undefined;

const unasked = (): never => {
  throw new Error('No preview is asked for in this test');
};

export const NO_PREVIEW: RequestPreview = {
  count: unasked,
  transform: unasked,
  supportedParams: unasked,
  modelFacts: unasked,
};
