package cloud

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// A foundKey is an access key of the configuration, and where it was.
type foundKey struct {
	accessKey
	from string
	// iam is the address of the Identity API that came with it, as it stood
	// there; empty when none did.
	iam string
}

// keyVariables are the names under which tools of Huawei Cloud expect an
// access key: its own SDKs, and Terraform.
var keyVariables = []struct{ from, id, secret, token, project string }{
	{"HUAWEICLOUD_SDK_* variables", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN", "HUAWEICLOUD_SDK_PROJECT_ID"},
	{"HW_* variables", "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HW_PROJECT_ID"},
}

// findAccessKey looks for an access key in the environment, then in the
// profile of the SDKs. It returns nil when there is none.
func (c Config) findAccessKey() (*foundKey, error) {
	for _, v := range keyVariables {
		k := foundKey{from: v.from, accessKey: accessKey{
			id:            c.Getenv(v.id),
			secret:        Secret(c.Getenv(v.secret)),
			securityToken: Secret(c.Getenv(v.token)),
			projectID:     c.Getenv(v.project),
		}}
		if k.id != "" || k.secret != "" {
			return &k, k.check(v.id, v.secret, v.token)
		}
	}
	return c.profileKey()
}

// profileKey reads the section "basic" of the credentials file of the SDKs.
func (c Config) profileKey() (*foundKey, error) {
	const variable = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
	name, named := c.Getenv(variable), true
	if name == "" {
		name, named = filepath.Join(c.Getenv("HOME"), ".huaweicloud", "credentials"), false
		if c.Getenv("HOME") == "" {
			return nil, nil
		}
	}
	basic, err := c.readProfile(name, "basic")
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil, nil
	case err != nil && named:
		return nil, fmt.Errorf("cannot read the file of %s: %w", variable, err)
	case err != nil:
		return nil, err
	}
	k := foundKey{from: "profile " + name, iam: basic["iam_endpoint"], accessKey: accessKey{
		id:            basic["ak"],
		secret:        Secret(basic["sk"]),
		securityToken: Secret(basic["security_token"]),
		projectID:     basic["project_id"],
	}}
	if k.id == "" && k.secret == "" {
		if named {
			return nil, fmt.Errorf("%s has no ak and sk in a section [basic]; write them there, or unset %s", name, variable)
		}
		return nil, nil // it holds other credentials
	}
	return &k, k.check("ak", "sk", "security_token")
}

// check reports what keeps the key from being one. The parts are known to the
// user by the names. No secret is shown.
func (k *foundKey) check(id, secret, token string) error {
	if k.id == "" || k.secret == "" {
		return fmt.Errorf("%s: only one of %s and %s is set; set both, or neither", k.from, id, secret)
	}
	for _, part := range []struct{ name, text string }{
		{id, k.id}, {secret, string(k.secret)}, {token, string(k.securityToken)},
	} {
		if part.text == "" {
			continue
		}
		if err := checkToken(part.text); err != nil {
			return fmt.Errorf("%s: %s %w; set it again", k.from, part.name, err)
		}
	}
	return nil
}
