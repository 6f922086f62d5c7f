/** Why a deployment was passed over, where that is not for everybody's eyes: only who runs the platform is told of it. */
export const FOR_ANOTHER_TEAM = 'it is for another team';
