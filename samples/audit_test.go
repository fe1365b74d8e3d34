//go:build !windows

package samples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imsrevoke/samples"
)

// strangers are members that samples.Pairs does not name.
var strangers = []string{"5712a9e0000000000000000000000001", "5712a9e0000000000000000000000002"}

// shareOne shares the first image with a stranger.
func (s *site) shareOne(n int) { s.cloud.Share(s.pairs[0][0], strangers[n]) }

// strangersLeft counts the strangers that the first image is shared with.
func (s *site) strangersLeft() (n int) {
	for _, id := range strangers {
		if s.cloud.Shared(s.pairs[0][0], id) {
			n++
		}
	}
	return n
}

// TestAuditCrontab: nothing is mailed while every share is allowed, and what is not
// when there is such a share.
func TestAuditCrontab(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("home/.config/openstack/clouds.yaml", s.clouds)
	s.put("home/audit/allowed.csv", string(samples.Pairs))
	j := s.crontab("cron/audit.crontab")
	j.environment = append(j.environment, "IMSREVOKE_RATE=unlimited", "IMSREVOKE_OVERWRITE=true")
	if printed := s.run(j, 0); printed != "" {
		t.Errorf("cron would mail: %s", printed)
	}
	s.report("home/audit/extra-2*-*-*.csv", 0)
	s.shareOne(0)
	if printed := s.run(j, 1); !strings.Contains(printed, "listed: 1 share (not in allowed.csv)\n") {
		t.Errorf("cron would mail: %s", printed)
	}
	s.report("home/audit/extra-2*-*-*.csv", 1)
	if n := s.left(); n != len(s.pairs) {
		t.Errorf("%d shares are left", n)
	}
}

// TestAuditAndRevoke: what is not allowed is revoked, and nothing else, unless that
// is too much, or not everything could be read.
func TestAuditAndRevoke(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	script, err := os.ReadFile("cron/audit-and-revoke.sh")
	if err != nil {
		t.Fatal(err)
	}
	s.put("audit/audit-and-revoke.sh", string(script))
	s.put("audit/allowed.csv", string(samples.Pairs))
	s.put("home/.config/openstack/clouds.yaml", s.clouds)
	j := job{words: []string{"./audit-and-revoke.sh"}, folder: "audit", environment: []string{
		"PATH=" + filepath.Dir(program) + ":/usr/bin:/bin", "HOME=" + filepath.Join(s.root, "home"), "OS_CLOUD=prod",
		"IMSREVOKE_RATE=unlimited", "IMSREVOKE_OVERWRITE=true",
	}}
	if printed := s.run(j, 0); printed != "" {
		t.Errorf("it prints %s", printed)
	}
	s.shareOne(0)
	s.shareOne(1)
	s.run(j, 0)
	if s.strangersLeft() != 0 || s.left() != len(s.pairs) {
		t.Errorf("%d of the others are left, and %d that are allowed", s.strangersLeft(), s.left())
	}
	s.report("audit/revoked-*.csv", 2)

	// An allow list that allows too little.
	s.shareOne(0)
	s.put("audit/allowed.csv", "member_id,image_id\n"+strangers[1]+",\n")
	if printed := s.run(j, 0); s.left() != 0 { // 41 rows
		t.Errorf("%d are left: %s", s.left(), printed)
	}
	for _, p := range s.pairs {
		s.cloud.Share(p[0], p[1])
	}
	for _, image := range s.cloud.Images() {
		s.cloud.Share(image, strangers[0])
		s.cloud.Share(image, "0000000000000000000000000000000f")
	}
	if printed := s.run(j, 2); !strings.Contains(printed, "more than --max-rows 50") || s.left() != len(s.pairs) {
		t.Errorf("%d are left: %s", s.left(), printed)
	}

	// A list that could not be read is no allow list.
	s.put("audit/allowed.csv", "member_id\n")
	if printed := s.run(j, 2); !strings.Contains(printed, "the allow list has no entries") || s.left() != len(s.pairs) {
		t.Errorf("%d are left: %s", s.left(), printed)
	}
}

// TestAuditService runs what the service does, as systemd would.
func TestAuditService(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("etc/imsrevoke/clouds.yaml", s.clouds)
	s.put("etc/imsrevoke/environment", "IMSREVOKE_RATE=unlimited\n")
	s.put("var/lib/imsrevoke/allowed.csv", string(samples.Pairs))
	u := readUnit(t, "systemd/imsrevoke-audit.service")
	if printed := s.run(s.service(u), 0); printed != "" {
		t.Errorf("it prints %q", printed)
	}
	s.report("var/lib/imsrevoke/extra-2*.csv", 0)
	s.shareOne(0)
	for _, old := range glob(t, filepath.Join(s.root, "var/lib/imsrevoke/extra-2*.csv")) {
		if err := os.Remove(old); err != nil {
			t.Fatal(err)
		}
	}
	s.run(s.service(u), 1)
	s.report("var/lib/imsrevoke/extra-2*.csv", 1)
	for _, unit := range []string{u.one(t, "OnFailure"), "imsrevoke-audit.timer"} {
		if _, err := os.Stat(filepath.Join("systemd", unit)); err != nil {
			t.Error(err)
		}
	}
	if file := u.one(t, "ConditionPathExists"); s.inSite(file) != filepath.Join(s.root, "var/lib/imsrevoke/allowed.csv") {
		t.Errorf("it waits for %s", file)
	}
	leastStop(t, u.one(t, "ExecStart"))
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAuditCronJob(t *testing.T) {
	t.Parallel()
	m := readManifest(t, "kubernetes/audit-cronjob.yaml")
	m.judge(t)
	s := newSite(t)
	s.put("cloud/clouds.yaml", s.clouds)
	s.put("allowed/allowed.csv", string(samples.Pairs))
	s.put("audits/lost+found", "")
	j := s.pod(m, map[string]string{"JOB": "imsrevoke-audit-29384617"})
	if printed := s.run(j, 0); printed != "" {
		t.Errorf("it prints %q", printed)
	}
	s.report("audits/imsrevoke-audit-29384617.csv", 0)
	s.shareOne(0)
	s.run(j, 1)
	s.report("audits/imsrevoke-audit-29384617.csv", 1)
}
