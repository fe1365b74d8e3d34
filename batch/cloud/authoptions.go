package cloud

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// A place is where credentials for Keystone were found. It gives the names of
// their parts in messages.
type place struct {
	name string
	key  func(part string) string
	// inFile says that a name needs the name of the place with it.
	inFile bool
}

// environment is the place of the OS_ variables.
var environment = place{
	name: "OS_* variables",
	key:  func(part string) string { return "OS_" + strings.ToUpper(part) },
}

// cloudsYAML is the place of a cloud of clouds.yaml.
func cloudsYAML(cloud string) place {
	return place{
		name:   fmt.Sprintf("clouds.yaml (cloud %s)", cloud),
		key:    func(part string) string { return part },
		inFile: true,
	}
}

// quote names a setting, with the place where the name alone says too little.
func (p place) quote(name string) string {
	if p.inFile {
		return p.name + ": " + name
	}
	return p.key(name)
}

func (p place) keys(parts ...string) []string {
	names := make([]string, len(parts))
	for i, part := range parts {
		names[i] = p.key(part)
	}
	return names
}

// missing is the error for settings of which one at least must be there.
func (p place) missing(parts ...string) error {
	return fmt.Errorf("%s: %s is missing; set it", p.name, strings.Join(p.keys(parts...), " or "))
}

// The ways to log in, as they are called in messages.
const (
	byPassword      = "password"
	byAppCredential = "application credential"
	byToken         = "token"
)

// authKinds are the values of auth_type that are obeyed.
var authKinds = map[string]string{
	"password": byPassword, "v3password": byPassword,
	"token": byToken, "v3token": byToken,
	"v3applicationcredential": byAppCredential,
}

// authKind is the way to log in: the one that auth_type says, or else the one
// that there are credentials for.
func (p place) authKind(v values) (string, error) {
	if name := strings.TrimSpace(v["auth_type"]); name != "" {
		kind, ok := authKinds[name]
		if !ok {
			return "", fmt.Errorf("%s %q is not supported; use %s, or a ready token with --token-file", p.quote("auth_type"), name,
				strings.Join(slices.Sorted(maps.Keys(authKinds)), ", "))
		}
		return kind, nil
	}
	var kinds []string
	if v["application_credential_id"] != "" || v["application_credential_name"] != "" {
		kinds = append(kinds, byAppCredential)
	}
	if v["password"] != "" {
		kinds = append(kinds, byPassword)
	}
	if v["token"] != "" {
		kinds = append(kinds, byToken)
	}
	switch len(kinds) {
	case 0:
		return "", p.missing("password", "application_credential_id")
	case 1:
		return kinds[0], nil
	}
	return "", fmt.Errorf("%s: there are credentials of several kinds (%s); set %s to password, v3applicationcredential or token",
		p.name, strings.Join(kinds, ", "), p.key("auth_type"))
}

// authOptions are the settings in the form of gophercloud, as far as one way of
// logging in needs them, and what that way is called.
func (p place) authOptions(v values) (auth gophercloud.AuthOptions, kind string, err error) {
	if v["auth_url"] == "" {
		return auth, "", p.missing("auth_url")
	}
	auth.IdentityEndpoint = v["auth_url"]
	if kind, err = p.authKind(v); err != nil {
		return auth, "", err
	}
	if auth.Scope, err = p.scope(v); err != nil {
		return auth, "", err
	}
	switch kind {
	case byAppCredential:
		auth.Scope = &gophercloud.AuthScope{} // it has its own
		auth.ApplicationCredentialID = v["application_credential_id"]
		auth.ApplicationCredentialName = v["application_credential_name"]
		auth.ApplicationCredentialSecret = v["application_credential_secret"]
		switch {
		case v["trust_id"] != "":
			return auth, "", fmt.Errorf("%s cannot be used with an application credential; remove one of them", p.quote("trust_id"))
		case auth.ApplicationCredentialID == "" && auth.ApplicationCredentialName == "":
			return auth, "", p.missing("application_credential_id")
		case auth.ApplicationCredentialSecret == "":
			return auth, "", p.missing("application_credential_secret")
		case auth.ApplicationCredentialID != "":
			auth.ApplicationCredentialName = ""
			return auth, kind, nil // it needs no user
		}
	case byToken:
		if auth.TokenID = v["token"]; auth.TokenID == "" {
			return auth, "", p.missing("token")
		}
		return auth, kind, nil
	case byPassword:
		if auth.Password = v["password"]; auth.Password == "" {
			return auth, "", p.missing("password")
		}
	}
	switch {
	case v["user_id"] != "":
		auth.UserID = v["user_id"]
	case v["username"] != "":
		auth.Username = v["username"]
		auth.DomainID, auth.DomainName = v.domain("user")
	default:
		return auth, "", p.missing("username", "user_id")
	}
	return auth, kind, nil
}

// scope is what the token is to be for: a project, a trust, or what Keystone
// takes for the user's own project.
func (p place) scope(v values) (*gophercloud.AuthScope, error) {
	project := cmp.Or(v["project_id"], v["project_name"])
	switch domain := cmp.Or(v["domain_id"], v["domain_name"]); {
	case v["trust_id"] != "" && project != "":
		return nil, fmt.Errorf("%s cannot be used with a project; remove one of them", p.quote("trust_id"))
	case v["trust_id"] != "":
		return &gophercloud.AuthScope{TrustID: v["trust_id"]}, nil
	case project == "" && domain != "":
		return nil, fmt.Errorf("%s without a project asks for a token of the domain, which the Image API does not take; set %s, or %s instead",
			p.quote("domain_name"), p.key("project_name"), p.key("user_domain_name"))
	case v["project_id"] != "":
		return &gophercloud.AuthScope{ProjectID: project}, nil
	case project != "":
		scope := &gophercloud.AuthScope{ProjectName: project}
		scope.DomainID, scope.DomainName = v.domain("project")
		return scope, nil
	}
	return &gophercloud.AuthScope{}, nil
}

// domain is the domain of the user or the project, by an id or a name, never
// both. A project without one is in the domain of the user, and what has none
// at all is in the domain "default", as it is for the openstack client.
func (v values) domain(of string) (id, name string) {
	id = cmp.Or(v[of+"_domain_id"], v["domain_id"])
	name = cmp.Or(v[of+"_domain_name"], v["domain_name"])
	switch {
	case id != "":
		return id, ""
	case name != "":
		return "", name
	case v["default_domain_id"] != "":
		return v["default_domain_id"], ""
	case v["default_domain_name"] != "":
		return "", v["default_domain_name"]
	case of == "project":
		return v.domain("user")
	}
	return "default", ""
}
