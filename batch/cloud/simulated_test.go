package cloud_test

import (
	"errors"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/imagetest"
)

// TestSimulatedCloud goes through the whole life of a login at a cloud that
// knows the whole Identity API.
func TestSimulatedCloud(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		vars env
		used string
	}{
		{"with a password",
			env{"OS_USERNAME": imagetest.UserName, "OS_PASSWORD": imagetest.Password, "OS_USER_DOMAIN_NAME": imagetest.DomainName,
				"OS_PROJECT_NAME": imagetest.ProjectName, "OS_PROJECT_DOMAIN_ID": imagetest.DomainID},
			"password from OS_* variables"},
		{"with an application credential",
			env{"OS_APPLICATION_CREDENTIAL_ID": imagetest.AppCredentialID, "OS_APPLICATION_CREDENTIAL_SECRET": imagetest.AppCredentialSecret},
			"application credential from OS_* variables"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			simulated := imagetest.NewCloud()
			simulated.ImagePrefix, simulated.CatalogURL = "/image", "/image/v2"
			server := imagetest.NewServer(simulated)
			t.Cleanup(server.Close)

			s := mustConnect(t, cloud.Config{}, tt.vars.with(env{"OS_AUTH_URL": server.AuthURL}))
			if got := s.Endpoint().String(); got != server.URL+"/image" || s.Region() != imagetest.Region {
				t.Errorf("endpoint %s in region %q", got, s.Region())
			}
			if id, name := s.Project(); id != imagetest.ProjectID || name != imagetest.ProjectName {
				t.Errorf("project %q %q", id, name)
			}
			if s.Method() != tt.used {
				t.Errorf("used %q, want %q", s.Method(), tt.used)
			}
			for issued := 1; issued <= 3; issued++ {
				if err := errors.Join(doAll(t, s)...); err != nil {
					t.Fatal(err)
				}
				if got := simulated.Stats().TokensIssued; got != issued {
					t.Fatalf("%d tokens issued, want %d", got, issued)
				}
				simulated.ExpireTokens()
			}
		})
	}
}

func TestSimulatedCloudRefusesAWrongSecret(t *testing.T) {
	t.Parallel()
	server := imagetest.NewServer(imagetest.NewCloud())
	t.Cleanup(server.Close)
	for name, vars := range map[string]env{
		"a password":             {"OS_USERNAME": imagetest.UserName, "OS_USER_DOMAIN_NAME": imagetest.DomainName, "OS_PASSWORD": "s3cr3t"},
		"an unknown user":        {"OS_USERNAME": "nobody", "OS_PASSWORD": imagetest.Password},
		"application credential": {"OS_APPLICATION_CREDENTIAL_ID": imagetest.AppCredentialID, "OS_APPLICATION_CREDENTIAL_SECRET": "s3cr3t"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := connect(t, cloud.Config{}, vars.with(env{"OS_AUTH_URL": server.AuthURL}))
			wantError(t, err, "401 Unauthorized", "requires authentication")
			if !errors.Is(err, batch.ErrUnauthorized) {
				t.Errorf("error %v, want batch.ErrUnauthorized", err)
			}
		})
	}
}
