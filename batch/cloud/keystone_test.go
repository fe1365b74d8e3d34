package cloud_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"imsrevoke/batch/cloud"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every secret of these tests contains this text, which no message may show.
const secretMark = "s3cr3t"

// keystone is an Identity API that issues the tokens s3cr3t-1, s3cr3t-2 …
type keystone struct {
	*httptest.Server

	mu sync.Mutex
	// logins are the auth objects that were posted, as JSON; strays are requests
	// for anything but a token.
	logins, strays []string
	// answer, when set, answers instead.
	answer http.HandlerFunc
	// catalog is the JSON of the catalog. The project is the one that was asked
	// for, unless project is "null".
	catalog, project string
}

func newKeystone(t *testing.T) *keystone {
	t.Helper()
	k := &keystone{
		catalog: imageCatalog("RegionOne https://image.example.com/v2"),
	}
	k.Server = httptest.NewServer(http.HandlerFunc(k.serve))
	t.Cleanup(k.Close)
	return k
}

// imageCatalog is a catalog with one public image endpoint for each "region URL".
func imageCatalog(endpoints ...string) string {
	var list []string
	for _, e := range endpoints {
		region, url, _ := strings.Cut(e, " ")
		list = append(list, fmt.Sprintf(`{"interface":"public","region":%q,"region_id":%[1]q,"url":%q}`, region, url))
	}
	return fmt.Sprintf(`[{"type":"image","name":"glance","endpoints":[%s]}]`, strings.Join(list, ","))
}

func (k *keystone) serve(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/v3/auth/tokens" {
		k.strays = append(k.strays, r.Method+" "+r.URL.Path)
		http.Error(w, `{"error_code":"APIGW.0101","error_msg":"The API does not exist"}`, http.StatusNotFound)
		return
	}
	var body struct{ Auth json.RawMessage }
	var asked struct {
		Scope struct {
			Project struct{ ID, Name string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	k.logins = append(k.logins, string(body.Auth))
	if k.answer != nil {
		k.answer(w, r)
		return
	}
	project := k.project
	if json.Unmarshal(body.Auth, &asked); project != "null" {
		project = fmt.Sprintf(`{"id":%q,"name":%q}`, cmp.Or(asked.Scope.Project.ID, "4f1a"), cmp.Or(asked.Scope.Project.Name, "ops"))
	}
	w.Header().Set("X-Subject-Token", fmt.Sprintf("%s-%d", secretMark, len(k.logins)))
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"token":{"expires_at":"2030-01-04T09:05:22.701000Z","project":%s,"catalog":%s}}`, project, k.catalog)
}

// answerWith makes Keystone answer every login with this from now on.
func (k *keystone) answerWith(status int, body string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func (k *keystone) posted() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.logins...)
}

// password are the variables of a login at k.
func (k *keystone) password() env {
	return env{
		"OS_AUTH_URL":            k.URL,
		"OS_USERNAME":            "ann",
		"OS_USER_DOMAIN_NAME":    "People",
		"OS_PASSWORD":            secretMark + "-password",
		"OS_PROJECT_NAME":        "ops",
		"OS_PROJECT_DOMAIN_NAME": "Projects",
	}
}

// env is an environment.
type env map[string]string

func (e env) get(name string) string { return e[name] }

// with returns e with more variables; an empty value takes one away.
func (e env) with(more env) env {
	e = maps.Clone(e)
	maps.Copy(e, more)
	return e
}

// connect connects with the variables and returns what was logged. It fails
// the test when the error or the log shows a secret.
func connect(t *testing.T, c cloud.Config, e env) (s *cloud.Session, logged string, err error) {
	t.Helper()
	var log lockedBuffer
	c.Getenv = e.get
	c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err = cloud.Connect(t.Context(), c)
	t.Cleanup(func() { noSecret(t, "the log", log.String()) })
	noSecret(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))
	noSecret(t, "the session", fmt.Sprintf("%v %+v %#v", s, s, s))
	return s, log.String(), err
}

// mustConnect is connect for tests in which it is not the matter.
func mustConnect(t *testing.T, c cloud.Config, e env) *cloud.Session {
	t.Helper()
	s, _, err := connect(t, c, e)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func noSecret(t *testing.T, where, text string) {
	t.Helper()
	if strings.Contains(text, secretMark) {
		t.Errorf("%s shows a secret: %s", where, text)
	}
}

// wantError fails the test unless the error holds all the parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not hold %q", err, part)
		}
	}
}

// writeFile writes a file into a directory of the test's own.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
