package cloud

import (
	"fmt"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// A place is where credentials for Keystone were found. It gives the names of
// their parts in messages.
type place struct {
	name string
	key  func(part string) string
}

// environment is the place of the OS_ variables.
var environment = place{
	name: "OS_* variables",
	key:  func(part string) string { return "OS_" + strings.ToUpper(part) },
}

// cloudsYAML is the place of a cloud of clouds.yaml.
func cloudsYAML(cloud string) place {
	return place{
		name: fmt.Sprintf("clouds.yaml (cloud %s)", cloud),
		key:  func(part string) string { return part },
	}
}

// missing is the error for parts of which one at least must be there.
func (p place) missing(parts ...string) error {
	for i, part := range parts {
		parts[i] = p.key(part)
	}
	return fmt.Errorf("%s: %s is missing: set it", p.name, strings.Join(parts, " or "))
}

// environmentAuth reads the OS_ variables, as the OpenStack clients do: user
// and project have domains of their own. Gophercloud has a reader too, which
// knows only one domain for both.
func environmentAuth(getenv func(string) string) gophercloud.AuthOptions {
	first := func(names ...string) string {
		for _, name := range names {
			if value := getenv(name); value != "" {
				return value
			}
		}
		return ""
	}
	// domain reads one domain: its own variables, else the common ones.
	domain := func(of string) (id, name string) {
		id, name = getenv("OS_"+of+"_DOMAIN_ID"), getenv("OS_"+of+"_DOMAIN_NAME")
		if id == "" && name == "" {
			id, name = getenv("OS_DOMAIN_ID"), getenv("OS_DOMAIN_NAME")
		}
		return id, name
	}

	scope := gophercloud.AuthScope{ProjectID: first("OS_PROJECT_ID", "OS_TENANT_ID")}
	if name := first("OS_PROJECT_NAME", "OS_TENANT_NAME"); scope.ProjectID == "" && name != "" {
		scope.ProjectName = name
		scope.DomainID, scope.DomainName = domain("PROJECT")
	}
	auth := gophercloud.AuthOptions{
		IdentityEndpoint:            getenv("OS_AUTH_URL"),
		Username:                    getenv("OS_USERNAME"),
		UserID:                      getenv("OS_USER_ID"),
		Password:                    getenv("OS_PASSWORD"),
		ApplicationCredentialID:     getenv("OS_APPLICATION_CREDENTIAL_ID"),
		ApplicationCredentialName:   getenv("OS_APPLICATION_CREDENTIAL_NAME"),
		ApplicationCredentialSecret: getenv("OS_APPLICATION_CREDENTIAL_SECRET"),
		Scope:                       &scope,
	}
	auth.DomainID, auth.DomainName = domain("USER")
	return auth
}

// settleAuth returns what of auth one way of logging in needs, and what that
// way is called. Gophercloud itself refuses, or misreads, combinations that the
// OpenStack clients accept: a user id with a domain, or an application
// credential beside a password.
func settleAuth(from place, auth gophercloud.AuthOptions) (login gophercloud.AuthOptions, kind string, err error) {
	login.IdentityEndpoint = auth.IdentityEndpoint
	login.Scope = settleScope(auth)
	needsUser := false
	switch {
	case auth.IdentityEndpoint == "":
		return login, "", from.missing("auth_url")
	case auth.ApplicationCredentialID != "" || auth.ApplicationCredentialName != "":
		kind = "application credential"
		login.ApplicationCredentialID = auth.ApplicationCredentialID
		login.ApplicationCredentialName = auth.ApplicationCredentialName
		login.ApplicationCredentialSecret = auth.ApplicationCredentialSecret
		if auth.ApplicationCredentialSecret == "" {
			return login, "", from.missing("application_credential_secret")
		}
		needsUser = auth.ApplicationCredentialID == ""
	case auth.Password != "":
		kind = "password"
		login.Password = auth.Password
		needsUser = true
	case auth.TokenID != "":
		kind = "token"
		login.TokenID = auth.TokenID
	default:
		return login, "", from.missing("password", "application_credential_id")
	}

	switch {
	case !needsUser:
	case auth.UserID != "":
		login.UserID = auth.UserID
	case auth.Username != "":
		login.Username = auth.Username
		login.DomainID, login.DomainName = oneDomain(auth.DomainID, auth.DomainName)
	default:
		return login, "", from.missing("username", "user_id")
	}
	return login, kind, nil
}

// settleScope returns a scope of its own for auth. The domain of a project
// without one is the user's.
func settleScope(auth gophercloud.AuthOptions) *gophercloud.AuthScope {
	var scope gophercloud.AuthScope
	if auth.Scope != nil {
		scope = *auth.Scope
	}
	if scope.ProjectName == "" {
		return &scope
	}
	if scope.DomainID == "" && scope.DomainName == "" {
		scope.DomainID, scope.DomainName = auth.DomainID, auth.DomainName
	}
	scope.DomainID, scope.DomainName = oneDomain(scope.DomainID, scope.DomainName)
	return &scope
}

// oneDomain returns an id or a name, never both. Without either it is the
// domain "default", as it is for the OpenStack client.
func oneDomain(id, name string) (string, string) {
	switch {
	case id != "":
		return id, ""
	case name != "":
		return "", name
	}
	return "default", ""
}
