package cloud

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"imsrevoke/batch/clockskew"
)

// accessKeys issues access keys of Huawei Cloud: a ready one, once, or
// temporary ones of the metadata service.
type accessKeys struct {
	ready    accessKey // when there is no metadata
	metadata *metadata
	missing  error // when the metadata has no first key
	given    bool
	method   string

	// project is the one that the keys are for. Until its id is known it is
	// looked up at iam by its name, which is the region's.
	project tokens.Project
	iam     *url.URL
	client  http.Client
}

// renewedBefore is how long before its end a temporary key is renewed.
const renewedBefore = 10 * time.Minute

func (a *accessKeys) issue(ctx context.Context) (*grant, error) {
	key, g := a.ready, &grant{}
	switch {
	case a.metadata != nil:
		var err error
		key, g.expires, err = a.metadata.key(ctx)
		switch {
		case err != nil && !a.given:
			return nil, fmt.Errorf("%w; and %w", a.missing, err)
		case err != nil:
			return nil, err
		}
		g.renewAt = renewalTime(time.Now(), g.expires)
	case a.given:
		return nil, refused("the %s is refused and cannot be renewed; "+
			"check the key and its secret, and that they may be used in this region", a.method)
	}
	if a.project.ID == "" {
		project, err := a.findProject(ctx, key)
		if err != nil {
			return nil, err
		}
		a.project = project
	}
	a.given = true
	key.projectID = a.project.ID
	g.proof, g.project = key, a.project
	return g, nil
}

// renewalTime is when to renew a key that ends at a known time. The metadata
// service may have nothing newer to give then: it is asked again after half of
// the time that is left, and not on each request.
func renewalTime(now, expires time.Time) time.Time {
	left := expires.Sub(now)
	return now.Add(max(left-renewedBefore, left/2, renewalPause))
}

// newIAM returns a client for the Identity API. There is one request to make.
func newIAM(config *tls.Config) http.Client {
	transport := newTransport(config)
	transport.DisableKeepAlives = true
	return newClient(limitedBodies{transport, &route{setting: "HUAWEICLOUD_SDK_IAM_ENDPOINT or --region", proxy: transport.Proxy}, maxKeystoneBody}, keystoneTimeout)
}

// findProject looks up the project of the region.
// https://support.huaweicloud.com/intl/en-us/api-iam/iam_06_0001.html
func (a *accessKeys) findProject(ctx context.Context, key accessKey) (tokens.Project, error) {
	name := a.project.Name
	ours := fmt.Sprintf("cannot look up project %s at %s", name, a.iam)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.iam.String()+"/v3/projects?"+url.Values{"name": {name}}.Encode(), nil)
	if err != nil {
		return tokens.Project{}, fmt.Errorf("%s: %w", ours, err)
	}
	req.Header.Set("Accept", "application/json")
	key.authorize(req)
	resp, err := a.client.Do(req)
	if err != nil {
		var setup *SetupError
		if errors.As(err, &setup) {
			return tokens.Project{}, fmt.Errorf("%s: %w", ours, setup)
		}
		return tokens.Project{}, fmt.Errorf("%s: %w; check --region, or retry later", ours, &networkError{errors.Unwrap(err)})
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return tokens.Project{}, fmt.Errorf("%s: %w; retry later", ours, &networkError{err})
	}
	if resp.StatusCode != http.StatusOK {
		return tokens.Project{}, a.explain(ours, req, resp, words(body, string(key.secret), string(key.securityToken)))
	}
	var list struct{ Projects []tokens.Project }
	switch err := json.Unmarshal(body, &list); {
	case err != nil:
		return tokens.Project{}, fmt.Errorf("%s: the answer is not a list of projects; check HUAWEICLOUD_SDK_IAM_ENDPOINT", ours)
	case len(list.Projects) != 1 || list.Projects[0].ID == "":
		return tokens.Project{}, fmt.Errorf("%s: %d projects have that name; check --region, or set HUAWEICLOUD_SDK_PROJECT_ID", ours, len(list.Projects))
	}
	return list.Projects[0], nil
}

// explain is the error for an answer that is no list.
func (a *accessKeys) explain(ours string, req *http.Request, resp *http.Response, said string) error {
	said = fmt.Sprintf("%s: the answer is %s to the %s%s", ours, statusOf(resp.StatusCode), a.method, said)
	clock := clockskew.Explain(req, resp.Header, said)
	switch {
	case resp.StatusCode == http.StatusUnauthorized && clock != "":
		return refused("%s; %s", said, clock)
	case isRefusal(resp.StatusCode):
		return refused("%s; check the key and its secret, or set HUAWEICLOUD_SDK_PROJECT_ID if it may not look that up", said)
	}
	return fmt.Errorf("%s; retry later", said)
}
