package deliver

import (
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/rule"
)

// reach returns the registration that a route leads to, or, with pass-through,
// the real API at AWS. Where AWS would not get there it says why: the API is not
// registered, not of the region that the target's ARN has, or another
// account's and the target has no role that may call it.
func (d *Dispatcher) reach(rt *rule.Route) (*request.API, *retry.Failure) {
	id, region, account := rt.Request.APIID(), rt.Request.Region(), rt.Request.Account()
	api, ok := d.cfg.Rules.API(id)
	if !ok && d.cfg.PassThrough {
		atAWS, err := request.PassThrough(id, region)
		api, ok = atAWS, err == nil
	}
	switch {
	case !ok:
		return nil, retry.Missing("the API %s is not registered", id)
	case !api.In(region, rt.Key.Region):
		return nil, elsewhere(api, region, rt.Key.Region)
	case account != d.cfg.Rules.Account() && rt.Target.RoleARN == "":
		return nil, &retry.Failure{Code: retry.NoPermissions, Message: "the target's ARN has the account " + account + " and the rule is of " + d.cfg.Rules.Account() +
			": correct the ARN, or give the target a RoleArn, which a call to another account's API needs"}
	}
	return api, nil
}

// elsewhere is the failure of an ARN whose region is not one of the API's.
func elsewhere(api *request.API, region, own string) *retry.Failure {
	if len(api.Regions) > 0 {
		return retry.Missing("the target's ARN has the region %s and the API %s is registered for %s: correct the ARN, or add the region to the API's regions",
			region, api.ID, api.RegionList())
	}
	return retry.Missing("the target's ARN has the region %s and the rule is in %s: correct the ARN, or register the API %s for %s (its regions; bailey api put --regions)",
		region, own, api.ID, region)
}

// api is reach for those who do not ask why.
func (d *Dispatcher) api(rt *rule.Route) (*request.API, bool) {
	api, unreachable := d.reach(rt)
	return api, unreachable == nil
}
