//go:build !windows

package samples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v2"

	"imsrevoke/samples"
)

// A manifest is what a file for kubectl apply holds: a claim, a network policy,
// and a Job or a CronJob that makes one.
type manifest struct {
	claim  volumeClaim
	policy networkPolicy
	cron   *cronJob
	job    jobSpec
}

// The types of Kubernetes, as far as the samples use them: fields of API v1 of
// each, by their names there.
type (
	header struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   metadata
	}
	metadata struct {
		Name   string
		Labels map[string]string
	}
	volumeClaim struct {
		header `yaml:",inline"`
		Spec   struct {
			AccessModes []string `yaml:"accessModes"`
			Resources   resources
		}
	}
	resources struct {
		Requests, Limits struct{ Storage, CPU, Memory string }
	}
	networkPolicy struct {
		header `yaml:",inline"`
		Spec   struct {
			PodSelector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			} `yaml:"podSelector"`
			PolicyTypes []string `yaml:"policyTypes"`
			Ingress     []any
			Egress      []struct {
				Ports []struct {
					Port     int
					Protocol string
				}
			}
		}
	}
	cronJob struct {
		header `yaml:",inline"`
		Spec   struct {
			Schedule                string
			TimeZone                string                 `yaml:"timeZone"`
			ConcurrencyPolicy       string                 `yaml:"concurrencyPolicy"`
			StartingDeadlineSeconds int                    `yaml:"startingDeadlineSeconds"`
			JobTemplate             struct{ Spec jobSpec } `yaml:"jobTemplate"`
		}
	}
	plainJob struct {
		header `yaml:",inline"`
		Spec   jobSpec
	}
	jobSpec struct {
		ActiveDeadlineSeconds int    `yaml:"activeDeadlineSeconds"`
		CompletionMode        string `yaml:"completionMode"`
		Completions           int
		Parallelism           int
		BackoffLimit          *int `yaml:"backoffLimit"`
		BackoffLimitPerIndex  *int `yaml:"backoffLimitPerIndex"`
		PodFailurePolicy      struct {
			Rules []struct {
				Action      string
				OnExitCodes *struct {
					ContainerName string `yaml:"containerName"`
					Operator      string
					Values        []int
				} `yaml:"onExitCodes"`
				OnPodConditions []struct{ Type string } `yaml:"onPodConditions"`
			}
		} `yaml:"podFailurePolicy"`
		Template struct {
			Metadata metadata
			Spec     podSpec
		}
	}
	podSpec struct {
		RestartPolicy                 string `yaml:"restartPolicy"`
		AutomountServiceAccountToken  bool   `yaml:"automountServiceAccountToken"`
		TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot        bool                  `yaml:"runAsNonRoot"`
			RunAsUser           int                   `yaml:"runAsUser"`
			RunAsGroup          int                   `yaml:"runAsGroup"`
			FSGroup             int                   `yaml:"fsGroup"`
			FSGroupChangePolicy string                `yaml:"fsGroupChangePolicy"`
			SeccompProfile      struct{ Type string } `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		Containers []container
		Volumes    []struct {
			Name   string
			Secret *struct {
				SecretName  string `yaml:"secretName"`
				DefaultMode int    `yaml:"defaultMode"`
			}
			ConfigMap             *struct{ Name string } `yaml:"configMap"`
			PersistentVolumeClaim *struct {
				ClaimName string `yaml:"claimName"`
			} `yaml:"persistentVolumeClaim"`
		}
	}
	container struct {
		Name, Image string
		Args        []string
		Env         []struct {
			Name, Value string
			ValueFrom   *struct {
				FieldRef struct {
					FieldPath string `yaml:"fieldPath"`
				} `yaml:"fieldRef"`
			} `yaml:"valueFrom"`
		}
		Resources       resources
		SecurityContext struct {
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct{ Drop []string }
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
)

// mebibytes reads an amount of memory.
func mebibytes(t *testing.T, text, unit string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSuffix(text, unit))
	if err != nil || !strings.HasSuffix(text, unit) {
		t.Errorf("%q is not in %s", text, unit)
	}
	return n
}

// readManifest reads a manifest, in which a field that is not one of the types
// above is an error.
func readManifest(t *testing.T, path string) *manifest {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &manifest{}
	for _, document := range strings.Split(string(text), "\n---\n") {
		var kind struct{ Kind string }
		var object any
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatal(err)
		}
		job := &plainJob{}
		switch kind.Kind {
		case "PersistentVolumeClaim":
			object = &m.claim
		case "NetworkPolicy":
			object = &m.policy
		case "CronJob":
			m.cron = &cronJob{}
			object = m.cron
		case "Job":
			object = job
		default:
			t.Fatalf("%s: a %q was not expected", path, kind.Kind)
		}
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		switch {
		case object == m.cron:
			m.job = m.cron.Spec.JobTemplate.Spec
		case object == job:
			m.job = job.Spec
		}
	}
	return m
}

var digest = regexp.MustCompile(`^[^@]+@sha256:DIGEST$`)

// judge judges what the API server or the controller of Jobs would, and what
// the program asks of a pod.
func (m *manifest) judge(t *testing.T) {
	t.Helper()
	pod := m.job.Template.Spec
	container := pod.Containers[0]
	if m.claim.Metadata.Name == "" || m.claim.Spec.Resources.Requests.Storage == "" {
		t.Error("there is no claim of a volume")
	}
	volumes := make(map[string]bool)
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if c := v.PersistentVolumeClaim; c != nil && c.ClaimName != m.claim.Metadata.Name {
			t.Errorf("volume %s is of the claim %s, which is not in the file", v.Name, c.ClaimName)
		}
	}
	for _, v := range container.VolumeMounts {
		if !volumes[v.Name] {
			t.Errorf("there is no volume %s", v.Name)
		}
	}
	if pod.RestartPolicy != "Never" {
		t.Errorf("a podFailurePolicy needs the restartPolicy Never, and not %s", pod.RestartPolicy)
	}
	rules := m.job.PodFailurePolicy.Rules
	if codes := rules[0].OnExitCodes; codes.ContainerName != container.Name || fmt.Sprint(codes.Values) != "[1 2 4]" {
		t.Errorf("exit codes of %s: %v", codes.ContainerName, codes.Values)
	}
	grace := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second
	if least := leastStop(t, strings.Join(container.Args, " ")); grace < least {
		t.Errorf("a pod that is to end has %v for it; want %v or more", grace, least)
	}
	if !digest.MatchString(container.Image) {
		t.Errorf("the image %s has no digest", container.Image)
	}
	if m.policy.Spec.PodSelector.MatchLabels["app.kubernetes.io/name"] != m.job.Template.Metadata.Labels["app.kubernetes.io/name"] ||
		len(m.policy.Spec.PodSelector.MatchLabels) != 1 || len(m.policy.Spec.Ingress) > 0 || len(m.policy.Spec.PolicyTypes) != 2 {
		t.Error("the network policy is not for the pods, or lets others in")
	}
	longest := flagDuration(t, "max-duration", strings.Join(container.Args, " "))
	if deadline := time.Duration(m.job.ActiveDeadlineSeconds) * time.Second; deadline < longest+10*time.Minute {
		t.Errorf("the Job ends after %v, the run after %v", deadline, longest)
	}
	for _, v := range container.Env {
		if v.Name != "GOMEMLIMIT" {
			continue
		}
		soft, hard := mebibytes(t, v.Value, "MiB"), mebibytes(t, container.Resources.Limits.Memory, "Mi")
		if soft > hard*8/10 {
			t.Errorf("GOMEMLIMIT=%s is too near to the limit of %d MiB", v.Value, hard)
		}
	}
	if pod.SecurityContext.FSGroupChangePolicy != "OnRootMismatch" {
		t.Errorf("each pod would let the group write to the journals and to the directory of the lock, which the program refuses then")
	}
	if c := container.SecurityContext; !c.ReadOnlyRootFilesystem || c.AllowPrivilegeEscalation == nil || *c.AllowPrivilegeEscalation || !pod.SecurityContext.RunAsNonRoot {
		t.Error("the container may more than it needs")
	}
}

// pod is what the pod's container runs, given what its variables are that come
// from fields.
func (s *site) pod(m *manifest, fields map[string]string) job {
	s.Helper()
	container := m.job.Template.Spec.Containers[0]
	mounted := func(text string) string {
		for _, v := range container.VolumeMounts {
			path := regexp.MustCompile("(^|=)" + regexp.QuoteMeta(v.MountPath) + "(/|$)")
			text = path.ReplaceAllString(text, "${1}"+filepath.Join(s.root, v.Name)+"${2}")
		}
		return text
	}
	variables := make(map[string]string)
	for name, value := range fields {
		variables[name] = value
	}
	for _, v := range container.Env {
		if v.ValueFrom == nil {
			variables[v.Name] = mounted(v.Value)
		} else if variables[v.Name] == "" {
			s.Fatalf("variable %s is of the field %s", v.Name, v.ValueFrom.FieldRef.FieldPath)
		}
	}
	reference := regexp.MustCompile(`\$\(([A-Z_]+)\)`)
	j := job{words: []string{program}}
	for _, arg := range container.Args {
		j.words = append(j.words, reference.ReplaceAllStringFunc(mounted(arg), func(r string) string {
			value, known := variables[r[2:len(r)-1]]
			if !known {
				s.Fatalf("%s is not a variable of the container", r)
			}
			return value
		}))
	}
	for name, value := range variables {
		j.environment = append(j.environment, name+"="+value)
	}
	j.environment = append(j.environment, "IMSREVOKE_RATE=unlimited")
	return j
}

// mountAll puts there what the manifests want to be made beforehand.
func (s *site) mountAll() {
	s.put("cloud/clouds.yaml", s.clouds)
	s.put("pairs/pairs.csv", string(samples.Pairs))
	s.put("reports/lost+found", "") // as a new volume has it
}

func TestCronJob(t *testing.T) {
	t.Parallel()
	m := readManifest(t, "kubernetes/cronjob.yaml")
	m.judge(t)
	if m.cron == nil || m.cron.Spec.ConcurrencyPolicy != "Forbid" || len(strings.Fields(m.cron.Spec.Schedule)) != 5 {
		t.Errorf("the CronJob: %+v", m.cron)
	}
	s := newSite(t)
	s.mountAll()
	j := s.pod(m, map[string]string{"JOB": "imsrevoke-29384617"})
	if printed := s.run(j, 0); printed != "" {
		t.Errorf("it prints %q", printed)
	}
	s.report("reports/imsrevoke-29384617.csv", len(s.pairs))
	if n := s.left(); n != 0 {
		t.Errorf("%d shares are left", n)
	}
	// A pod that takes the place of another one of the same Job goes on.
	requests := s.cloud.Stats().Requests
	s.run(j, 0)
	if n := s.cloud.Stats().Requests; n != requests {
		t.Errorf("it sent %d requests once more", n-requests)
	}
}

func TestIndexedJob(t *testing.T) {
	t.Parallel()
	m := readManifest(t, "kubernetes/indexed-job.yaml")
	m.judge(t)
	if m.job.CompletionMode != "Indexed" || m.job.BackoffLimitPerIndex == nil {
		t.Error("this is no Indexed Job")
	}
	s := newSite(t)
	s.mountAll()
	var pods sync.WaitGroup
	for index := range m.job.Completions {
		cmd, printed := s.command(s.pod(m, map[string]string{"JOB_COMPLETION_INDEX": fmt.Sprint(index)}))
		pods.Go(func() {
			if err := cmd.Run(); err != nil || printed.String() != "" {
				t.Errorf("pod %d: %v: %s", index, err, printed)
			}
		})
	}
	pods.Wait()
	if n := s.left(); n != 0 {
		t.Errorf("%d shares are left", n)
	}
	reports, err := filepath.Glob(filepath.Join(s.root, "reports/pairs.*-of-4.csv"))
	if err != nil || len(reports) != 4 {
		t.Fatalf("reports %v: %v", reports, err)
	}
	s.run(job{words: append([]string{program, "report", "merge", "--output", filepath.Join(s.root, "merged.csv")}, reports...)}, 0)
	s.report("merged.csv", len(s.pairs))
}
