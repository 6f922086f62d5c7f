/** The features in the order they run. Position matters: each line says why it stands where it does. */
import type { Feature } from '../gateway/feature.ts';
import { type EnforcedParts, enforcedParams } from './enforced-params.ts';
import { type LimitParts, limits } from './limits.ts';
import { type MirrorParts, mirror } from './mirror.ts';
import { type MockResponseParts, mockResponse } from './mock-response.ts';
import { type GuestsOf, type ModelCatalogue, modelAccess } from './model-access.ts';
import { type TeamModelParts, teamModels } from './team-models.ts';

export interface FeatureParts extends MockResponseParts, TeamModelParts, EnforcedParts {
  models(): ModelCatalogue;
  readonly guestsOf: GuestsOf;
  readonly limits: LimitParts;
  readonly mirror: MirrorParts;
}

export function createFeatures(parts: FeatureParts): readonly Feature[] {
  return [
    modelAccess(parts.models, parts.guestsOf), // First: everything after it needs to know the model group.
    teamModels(parts), // Behind it: what a team has of its own stands for the group. Before the limits, which hold for what may serve.
    enforcedParams(parts), // Behind who may use what, and before anything is held.
    mirror(parts.mirror), // Anywhere: what it does comes after the answer.
    limits(parts.limits), // Before anything answers: a canned answer costs too. Nothing after it may refuse for nothing.
    mockResponse(parts), // Answers without an upstream, once the caller may use the model.
  ];
}
