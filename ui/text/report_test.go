package text

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockview/model"
)

// exampleReport is of a machine where most is missing.
func exampleReport() model.Report {
	t := model.SafeText
	give := t("sudo setcap cap_sys_ptrace,cap_dac_read_search,cap_net_admin,cap_kill,cap_sys_admin=p '/opt/net tools/it'\\''s/sockview'")
	return model.Report{
		Facts: []model.Fact{
			{Name: "kernel", Value: t("Linux 6.12.9")}, {Name: "user", Value: t("www-data (uid 33)")},
			{Name: "confined", Value: t("a container, a user namespace, a pid namespace, a seccomp filter, no_new_privs")},
		},
		Findings: []model.Finding{
			{ID: "tcp", What: "TCP sockets", Standing: model.Allowed},
			{ID: "owners", What: "owners", Standing: model.Denied, Fix: give,
				Why: t("it takes cap_sys_ptrace and cap_dac_read_search; 3 of one's own can be looked into, 214 others not")},
			{ID: "raw", What: "raw sockets", Standing: model.Partial, Why: t("without a cookie: größer 宽宽"), Fix: t("sudo modprobe raw_diag")},
			{ID: "sctp", What: "SCTP sockets", Standing: model.Absent},
			{ID: "close", What: "closing connections", Standing: model.Denied, Fix: give},
			{ID: "late", What: "not judged"},
		},
	}
}

func TestReportGolden(t *testing.T) {
	t.Parallel()
	whole := model.Report{Findings: []model.Finding{{ID: "tcp", What: "TCP sockets", Standing: model.Allowed},
		{ID: "sctp", What: "SCTP sockets", Standing: model.Absent}}}
	for name, c := range map[string]struct {
		report model.Report
		json   bool
	}{"report.txt": {exampleReport(), false}, "report.json": {exampleReport(), true}, "report-whole.txt": {whole, false}} {
		var b strings.Builder
		if err := Report(&b, c.report, c.json); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "testdata", "text", name)
		if *update {
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestReportWidth: nothing is wider than 80 cells, but for a word that is.
func TestReportWidth(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Report(&b, exampleReport(), false); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSuffix(line, "\n")
		if width(line) > reportWidth {
			t.Errorf("%d cells: %q", width(line), line)
		}
		if strings.HasSuffix(line, " ") {
			t.Errorf("blanks at the end: %q", line)
		}
	}
}

// TestReportLinesAreTyped: a shell takes a line that was broken for what it was.
func TestReportLinesAreTyped(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh: " + err.Error())
	}
	long := strings.Repeat("a", 70)
	for _, words := range []string{
		"plain " + long + " " + long,
		"'with  two   blanks " + long + "' '/opt/it'\\''s me/'\\ x" + long + " end",
		"'\\' " + long + " '" + long + " b' \\' " + long,
	} {
		broken := continued("printf '%s\\n' "+words, 60)
		if len(broken) < 2 {
			t.Errorf("not broken: %q", broken)
		}
		want, err1 := exec.Command(shell, "-c", "printf '%s\\n' "+words).Output()
		got, err2 := exec.Command(shell, "-c", strings.Join(broken, "\n    ")).Output()
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s: %s", words, d)
		}
	}
}

// TestReportJSON: it is one object with all that is in the report, whatever texts hold.
func TestReportJSON(t *testing.T) {
	t.Parallel()
	r := exampleReport()
	for _, text := range hostile {
		r.Facts = append(r.Facts, model.Fact{Name: "fact" + text, Value: model.SafeText(text)})
		r.Findings = append(r.Findings, model.Finding{ID: text, What: text, Why: model.SafeText(text), Fix: model.SafeText(text)})
	}
	var b strings.Builder
	if err := Report(&b, r, true); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Facts    map[string]string
		Findings []struct {
			ID, What, State string
			Why, Fix        *string
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	if len(got.Facts) != len(r.Facts) || len(got.Findings) != len(r.Findings) {
		t.Fatalf("%d facts and %d findings of %d and %d", len(got.Facts), len(got.Findings), len(r.Facts), len(r.Findings))
	}
	for i, f := range got.Findings {
		want := &r.Findings[i]
		if f.State != want.Standing.String() || (f.Why == nil) != want.Why.Empty() || f.Fix != nil && *f.Fix != want.Fix.String() {
			t.Errorf("%+v of %+v", f, want)
		}
	}
	var plain strings.Builder
	if err := Report(&plain, r, false); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{b.String(), plain.String()} {
		if i := strings.IndexFunc(out, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\u202e' }); i >= 0 {
			t.Errorf("a control character at %d: %q", i, out[max(0, i-20):i+1])
		}
	}
}
