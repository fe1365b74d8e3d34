//go:build e2e

package e2e

import (
	"net/http"
	"testing"
)

// A person is who a request is made as: a user with a password in a project,
// known by its name or its id, or an application credential.
type person struct {
	user, userID, password string
	project, projectID     string
	credentialID, secret   string
}

// token logs in at a Keystone, whose address ends before the version.
func (p person) token(t *testing.T, keystone string) string {
	t.Helper()
	resp := send(t, http.MethodPost, keystone+"/v3/auth/tokens", "", map[string]any{"auth": p.auth()})
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("log in at %s: %s", keystone, resp.Status)
	}
	return resp.Header.Get("X-Subject-Token")
}

func (p person) auth() map[string]any {
	if p.credentialID != "" {
		return map[string]any{"identity": map[string]any{
			"methods":                []string{"application_credential"},
			"application_credential": map[string]any{"id": p.credentialID, "secret": p.secret},
		}}
	}
	domain := map[string]any{"id": "default"}
	project := map[string]any{"id": p.projectID}
	if p.projectID == "" {
		project = map[string]any{"name": p.project, "domain": domain}
	}
	return map[string]any{
		"identity": map[string]any{
			"methods":  []string{"password"},
			"password": map[string]any{"user": map[string]any{"name": p.user, "domain": domain, "password": p.password}},
		},
		"scope": map[string]any{"project": project},
	}
}

// environment are the variables for the program to be this person.
func (p person) environment(keystone, region string) []string {
	env := []string{"OS_AUTH_URL=" + keystone, "OS_REGION_NAME=" + region}
	if p.credentialID != "" {
		return append(env, "OS_AUTH_TYPE=v3applicationcredential",
			"OS_APPLICATION_CREDENTIAL_ID="+p.credentialID, "OS_APPLICATION_CREDENTIAL_SECRET="+p.secret)
	}
	return append(env, "OS_USERNAME="+p.user, "OS_PASSWORD="+p.password, "OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_ID="+p.projectID)
}
