/** What the routes of team members accept. Field names are LiteLLM's (its documentation of team management). */
import { z } from '@hono/zod-openapi';
import { count, id, MOST_ITEMS, money, texts, window } from './fields.ts';
import { email, member, memberRole } from './team-schema.ts';

/** What a member may use of the team's. */
const GRANT = {
  max_budget_in_team: money.nullish(),
  budget_duration: window.nullish(),
  allowed_models: texts.nullish(),
  rpm_limit: count.nullish(),
  tpm_limit: count.nullish(),
} as const;

const WHO = { user_id: id.nullish(), user_email: email.nullish() } as const;

export const addMembersBody = z.strictObject({
  team_id: id,
  member: member.or(z.array(member).min(1).max(MOST_ITEMS)),
  ...GRANT,
});
export const bulkMembersBody = z.strictObject({
  team_id: id,
  members: z.array(member).max(500).nullish(),
  all_users: z.boolean().nullish(),
  ...GRANT,
});
export const removeMemberBody = z.strictObject({ team_id: id, ...WHO });
export const updateMemberBody = z.strictObject({
  team_id: id,
  ...WHO,
  role: memberRole.nullish(),
  ...GRANT,
  temp_budget_increase: money.nullish(),
  temp_budget_expiry: z.iso.datetime({ offset: true, local: true }).or(z.iso.date()).nullish(),
});
export const resetSpendBody = z.strictObject({ reset_to: money });

export type AddMembers = z.output<typeof addMembersBody>;
export type BulkMembers = z.output<typeof bulkMembersBody>;
export type RemoveMember = z.output<typeof removeMemberBody>;
export type UpdateMember = z.output<typeof updateMemberBody>;
