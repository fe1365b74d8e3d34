package imagetest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// now is the time of the cloud's own clock.
func (c *Cloud) now() time.Time { return time.Now().Add(c.ClockAhead) }

// admit returns what the credentials of a request allow, or the refusal: of
// Glance's token middleware, or of Huawei Cloud's gateway before it.
func (c *Cloud) admit(r *http.Request, body []byte) (*token, *answer) {
	id := r.Header.Get("X-Auth-Token")
	t := c.validToken(id)
	switch {
	case t != nil && t.allows(r):
		return t, nil
	case t != nil, !c.Huawei:
		a := unauthorized(r.Host)
		return nil, &a
	case r.Header.Get("Authorization") != "":
		key, refused := c.signer(r, body)
		if refused != nil {
			return nil, refused
		}
		return key.token(), nil
	}
	a := gatewayRefusal(http.StatusUnauthorized, "APIGW.0301", "Incorrect IAM authentication information: decrypt token fail")
	if c.tokens[id] != nil {
		a = gatewayRefusal(http.StatusUnauthorized, "APIGW.0307", "The token must be updated")
	}
	return nil, &a
}

// gatewayRefusal is an error of Huawei Cloud's API gateway.
func gatewayRefusal(status int, code, message string) answer {
	f := Gateway(status, code, message)
	return answer{status: status, header: http.Header{"Content-Type": {f.ContentType}}, body: []byte(f.Body)}
}

// unpublished is the gateway's word for a path that leads to no API.
func unpublished() answer {
	return gatewayRefusal(http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment")
}

// listProjects answers IAM's GET /v3/projects with the project of whoever asks,
// unless it is asked for another name.
func (c *Cloud) listProjects(r *http.Request) answer {
	t, refused := c.admit(r, nil)
	if refused != nil {
		return *refused
	}
	_, query, _ := strings.Cut(r.RequestURI, "?")
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return keystoneRefusal(http.StatusBadRequest, "Request parameter is invalid.")
	}
	projects := []any{}
	if name := parameters.Get("name"); name == "" || name == t.projectName {
		projects = append(projects, map[string]any{"id": t.projectID, "name": t.projectName, "domain_id": DomainID, "enabled": true})
	}
	return document(http.StatusOK, map[string]any{"projects": projects, "links": map[string]any{}})
}
