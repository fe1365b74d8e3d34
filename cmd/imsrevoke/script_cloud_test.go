//go:build !windows

package main

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

// bystander is a member that no file names: it must keep its shares.
const bystander = "bystander-project"

// otherProject is the project of credentials that are good, but for somebody
// else's images.
const otherProject = "another-project"

// adminProject is the project of an admin's credentials.
const adminProject = "ad0000000000000000000000000000ad"

// A scriptCloud is the simulated cloud of a script.
type scriptCloud struct {
	*imagetest.Cloud
	url, authURL string
	pairs        []batch.Pair
}

// validPairs reads the pairs of a file that can be revoked.
func validPairs(path string) ([]batch.Pair, error) {
	plan, err := report.NewPlan("")
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	m, err := manifest.Open(context.Background(), path, manifest.Options{Store: plan})
	if err != nil {
		return nil, err
	}
	var pairs []batch.Pair
	rows := plan.Rows()
	for range m.Rows {
		row, err := rows.Next()
		if err != nil {
			return nil, err
		}
		if _, unsent := row.Unsent(); !unsent {
			pairs = append(pairs, row.Pair)
		}
	}
	return pairs, nil
}

func (s *script) startCloud(ts *testscript.TestScript, args []string) {
	file := "pairs.csv"
	if len(args) == 1 {
		file = args[0]
	}
	s.serve(ts, imagetest.NewCloud(), file)
	s.login(ts, []string{"password"})
}

// startHuawei starts a cloud that is Huawei's, whose clock may be ahead of ours.
func (s *script) startHuawei(ts *testscript.TestScript, args []string) {
	c := imagetest.NewCloud()
	c.Huawei = true
	if len(args) == 1 {
		ahead, err := time.ParseDuration(args[0])
		ts.Check(err)
		c.ClockAhead = ahead
	}
	s.serve(ts, c, "pairs.csv")
	s.login(ts, []string{"access-key"})
}

// serve shares the pairs of a file in a cloud and starts it.
func (s *script) serve(ts *testscript.TestScript, simulated *imagetest.Cloud, file string) {
	pairs, err := validPairs(ts.MkAbs(file))
	ts.Check(err)
	c := &scriptCloud{Cloud: simulated, pairs: pairs}
	for _, p := range pairs {
		c.Share(p.ImageID, p.MemberID)
		c.Share(p.ImageID, bystander)
	}
	server, err := imagetest.Start(c.Cloud)
	ts.Check(err)
	ts.Defer(server.Close)
	c.url, c.authURL = server.URL, server.AuthURL
	s.cloud = c
}

// shareAgain undoes what the runs of the script have done.
func (s *script) shareAgain(ts *testscript.TestScript, _ []string) {
	for _, p := range s.running(ts).pairs {
		s.cloud.Share(p.ImageID, p.MemberID)
	}
}

// running is the script's cloud, once there is one.
func (s *script) running(ts *testscript.TestScript) *scriptCloud {
	if s.cloud == nil {
		ts.Fatalf("there is no cloud yet")
	}
	return s.cloud
}

// login sets the variables from which imsrevoke takes its credentials, and
// CLOUD to the address of the Image API.
func (s *script) login(ts *testscript.TestScript, args []string) {
	c := s.running(ts)
	variables := map[string]string{
		"CLOUD":                            c.url,
		"OS_AUTH_URL":                      "",
		"OS_TOKEN":                         "",
		"OS_USERNAME":                      "",
		"OS_PASSWORD":                      "",
		"OS_USER_DOMAIN_NAME":              "",
		"OS_PROJECT_NAME":                  "",
		"OS_PROJECT_DOMAIN_NAME":           "",
		"OS_APPLICATION_CREDENTIAL_ID":     "",
		"OS_APPLICATION_CREDENTIAL_SECRET": "",
		"OS_PROJECT_ID":                    "",
		"HUAWEICLOUD_SDK_AK":               "",
		"HUAWEICLOUD_SDK_SK":               "",
		"HUAWEICLOUD_SDK_IAM_ENDPOINT":     "",
		"HUAWEICLOUD_SDK_PROJECT_ID":       "",
		"HW_REGION_NAME":                   "",
	}
	switch way := args[0]; way {
	case "none":
	case "password":
		maps.Copy(variables, imagetest.Login(c.authURL))
	case "wrong-password":
		maps.Copy(variables, imagetest.Login(c.authURL))
		variables["OS_PASSWORD"] = "not the password"
	case "other-project":
		c.AddUser(imagetest.User{
			Name: imagetest.UserName, Password: imagetest.Password, ProjectID: otherProject, ProjectName: otherProject,
			Roles: []string{imagetest.RoleMember, imagetest.RoleReader},
		})
		maps.Copy(variables, imagetest.Login(c.authURL))
		variables["OS_PROJECT_NAME"] = otherProject
	case "admin":
		c.AddUser(imagetest.User{
			Name: "admin", Password: imagetest.Password, ProjectID: adminProject, ProjectName: "admin",
			Roles: []string{imagetest.RoleAdmin, imagetest.RoleMember, imagetest.RoleReader},
		})
		maps.Copy(variables, imagetest.Login(c.authURL))
		variables["OS_USERNAME"], variables["OS_PROJECT_NAME"] = "admin", "admin"
	case "app-credential", "both-rules", "delete-rule", "list-rule", "audit-rules", "images-rule":
		c.AddAppCredential(imagetest.AppCredential{
			ID: imagetest.AppCredentialID, Secret: imagetest.AppCredentialSecret, UserName: imagetest.UserName,
			Roles: []string{imagetest.RoleMember, imagetest.RoleReader}, AccessRules: accessRules[way],
		})
		variables["OS_AUTH_URL"] = c.authURL
		variables["OS_APPLICATION_CREDENTIAL_ID"] = imagetest.AppCredentialID
		variables["OS_APPLICATION_CREDENTIAL_SECRET"] = imagetest.AppCredentialSecret
	case "token":
		variables["OS_TOKEN"] = c.IssueToken(imagetest.ProjectID, time.Hour)
		variables["OS_PROJECT_ID"] = imagetest.ProjectID
	case "bad-token":
		variables["OS_TOKEN"] = "gAAAAA-this-is-no-token-of-the-cloud"
	case "access-key":
		maps.Copy(variables, accessKeyLogin(c.authURL))
	case "wrong-secret-key":
		maps.Copy(variables, accessKeyLogin(c.authURL))
		variables["HUAWEICLOUD_SDK_SK"] = "not-the-secret-key"
	default:
		ts.Fatalf("unknown way to log in: %s", way)
	}
	for name, value := range variables {
		ts.Setenv(name, value)
	}
}

// The access rules that an application credential needs, and the credentials
// that have some of them.
var (
	deleteRule  = imagetest.AccessRule{Method: http.MethodDelete, Path: "/v2/images/*/members/*"}
	listRule    = imagetest.AccessRule{Method: http.MethodGet, Path: "/v2/images/*/members"}
	imagesRule  = imagetest.AccessRule{Method: http.MethodGet, Path: "/v2/images"}
	accessRules = map[string][]imagetest.AccessRule{
		"both-rules":  {deleteRule, listRule},
		"delete-rule": {deleteRule},
		"list-rule":   {listRule},
		"audit-rules": {imagesRule, listRule},
		"images-rule": {imagesRule},
	}
)

// accessKeyLogin is the environment for the cloud's own access key, whose
// project has to be looked up.
func accessKeyLogin(authURL string) map[string]string {
	return map[string]string{
		"HUAWEICLOUD_SDK_AK":           imagetest.AccessKeyID,
		"HUAWEICLOUD_SDK_SK":           imagetest.AccessKeySecret,
		"HUAWEICLOUD_SDK_IAM_ENDPOINT": authURL,
		"HW_REGION_NAME":               imagetest.HuaweiRegion,
	}
}

// setFaults lets the cloud fail in one of these ways.
func (s *script) setFaults(ts *testscript.TestScript, args []string) {
	faults := map[string]imagetest.Policy{
		"none":             nil,
		"slow":             imagetest.Always(imagetest.Delay(300 * time.Millisecond)),
		"hang-all":         func(imagetest.Request) imagetest.Fault { return imagetest.Hang() },
		"hang":             imagetest.Always(imagetest.Hang()),
		"unavailable":      imagetest.Always(imagetest.Status(http.StatusServiceUnavailable)),
		"unavailable-once": imagetest.FirstAttempts(1, imagetest.Status(http.StatusServiceUnavailable)),
		"lost-once":        imagetest.FirstAttempts(1, imagetest.CutAfter()),
		"lost":             imagetest.Always(imagetest.CutAfter()),
		"forbidden":        imagetest.Always(imagetest.Gateway(http.StatusForbidden, "APIGW.0302", "The app is not allowed to use the API")),
		"wrong-path":       imagetest.Always(imagetest.Gateway(http.StatusNotFound, "APIGW.0101", "The API does not exist")),
		"wrong-path-later": func(r imagetest.Request) imagetest.Fault {
			if r.ImageID == "" || r.ImageID == s.running(ts).pairs[0].ImageID {
				return imagetest.Fault{}
			}
			return imagetest.Gateway(http.StatusNotFound, "APIGW.0101", "The API does not exist")
		},
		"limit": imagetest.FirstRequests(1, imagetest.Gateway(http.StatusTooManyRequests, "APIGW.0308",
			"The throttling threshold has been reached: policy user over ratelimit,limit:200,time:1 second")),
		"gateway-404":    imagetest.Always(imagetest.Status(http.StatusNotFound)),
		"half-forbidden": imagetest.Mix(1, imagetest.Chance{P: 0.5, Fault: imagetest.Status(http.StatusForbidden)}),
	}
	maps.Copy(faults, listFaults())
	policy, ok := faults[args[0]]
	if !ok {
		ts.Fatalf("unknown fault, want one of %v", slices.Sorted(maps.Keys(faults)))
	}
	if len(args) == 2 {
		policy = imagetest.ForImage(args[1], policy)
	}
	s.running(ts).SetFaults(policy)
}

func (s *script) awaitRequests(ts *testscript.TestScript, args []string) {
	least := number(ts, args[0])
	await(ts, args[0]+" requests", func() bool { return s.running(ts).Stats().Requests >= least })
}

func (s *script) awaitLogin(ts *testscript.TestScript, _ []string) {
	await(ts, "login", func() bool { return len(s.running(ts).Requests()) > 0 })
}

func (s *script) requests(ts *testscript.TestScript, args []string) {
	judge(ts, "requests to the Image API", s.running(ts).Stats().Requests, args[0])
}

func (s *script) logins(ts *testscript.TestScript, args []string) {
	logins := 0
	for _, r := range s.running(ts).Requests() {
		if strings.HasPrefix(r.Target, imagetest.IdentityPath) {
			logins++
		}
	}
	judge(ts, "logins", logins, args[0])
}

func (s *script) shares(ts *testscript.TestScript, args []string) {
	c, left := s.running(ts), 0
	for _, p := range c.pairs {
		if c.Shared(p.ImageID, p.MemberID) {
			left++
		}
	}
	judge(ts, "shares left", left, args[0])
}

func (s *script) imagesDeleted(ts *testscript.TestScript, args []string) {
	c := s.running(ts)
	judge(ts, "images deleted", c.Stats().ImagesDeleted, args[0])
	for _, p := range c.pairs {
		if c.ImageExists(p.ImageID) && !c.Shared(p.ImageID, bystander) {
			ts.Fatalf("image %s is no longer shared with a member that no row names", p.ImageID)
		}
	}
}

// secrets are the cloud's passwords, and the tokens that it has been shown.
func (c *scriptCloud) secrets() []string {
	secrets := []string{imagetest.Password, imagetest.AppCredentialSecret, imagetest.AccessKeySecret}
	for _, r := range c.Requests() {
		for _, name := range []string{"X-Auth-Token", "Authorization"} {
			if secret := r.Header.Get(name); secret != "" {
				secrets = append(secrets, secret)
			}
		}
	}
	slices.Sort(secrets)
	return slices.Compact(secrets)
}
