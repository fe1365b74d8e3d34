//go:build !windows

package cloud_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"imsrevoke/batch/cloud"
)

// TestFilesThatOthersCanReadOrWrite: of each file that holds a secret, or says
// where it goes.
func TestFilesThatOthersCanReadOrWrite(t *testing.T) {
	t.Parallel()
	k := newKeystone(t)
	clouds := "clouds: {prod: {auth: {auth_url: '" + k.URL + "', user_id: a1, %s}}}"
	secret, bare := fmt.Sprintf(clouds, "password: s3cr3t"), fmt.Sprintf(clouds, "project_id: ''")
	secure := "clouds: {prod: {auth: {password: s3cr3t}}}"
	kinds := map[string]struct {
		text   string // of the file; another one, where there must be one, is beside it
		beside string
		secret bool
		config func(file, beside string) (cloud.Config, env)
	}{
		"a token": {"s3cr3t", "", true, func(file, _ string) (cloud.Config, env) {
			return cloud.Config{TokenFile: file, Endpoint: imageAPI}, nil
		}},
		"clouds.yaml": {secret, "", true, func(file, _ string) (cloud.Config, env) {
			return cloud.Config{OSCloud: "prod"}, env{"OS_CLIENT_CONFIG_FILE": file}
		}},
		"clouds.yaml without a secret": {bare, secure, false, func(file, beside string) (cloud.Config, env) {
			return cloud.Config{OSCloud: "prod"}, env{"OS_CLIENT_CONFIG_FILE": file, "OS_CLIENT_SECURE_FILE": beside}
		}},
		"secure.yaml": {secure, bare, true, func(file, beside string) (cloud.Config, env) {
			return cloud.Config{OSCloud: "prod"}, env{"OS_CLIENT_CONFIG_FILE": beside, "OS_CLIENT_SECURE_FILE": file}
		}},
	}
	for name, kind := range kinds {
		for mode, can := range map[os.FileMode]string{
			0o600: "", 0o400: "", 0o640: "read", 0o604: "read", 0o644: "read", 0o622: "write to", 0o620: "write to", 0o666: "write to",
		} {
			t.Run(fmt.Sprintf("%s, %v", name, mode), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				file, beside := writeFile(t, dir, "f.yaml", kind.text), writeFile(t, dir, "beside.yaml", kind.beside)
				if err := os.Chmod(file, mode); err != nil {
					t.Fatal(err)
				}
				config, vars := kind.config(file, beside)
				_, logged, err := connect(t, config, vars)
				if err != nil {
					t.Fatal(err)
				}
				want := can
				if can == "read" && !kind.secret {
					want = ""
				}
				if got := strings.Contains(logged, "others can "+want+" the") && strings.Contains(logged, "chmod 600") && strings.Contains(logged, file); got != (want != "") {
					t.Errorf("warned = %t, want %q; log: %s", got, want, logged)
				}
			})
		}
	}
}
