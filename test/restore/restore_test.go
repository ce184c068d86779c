// Package restore backs a platform up in the middle of its work, makes it again in an empty cluster, and looks for what is
// missing. Controllers and gateway are the real ones; the test plays kubelet and worker.
package restore

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/backup"
	"github.com/openplp/khocr/internal/testenv"
)

// told is what customers and operators see of a platform.
type told struct {
	// views are the jobs as the API shows them, results their texts, both by name.
	views, results map[string]string
	list           []string
	usage          []v1alpha1.MonthUsage
	uids           map[string]types.UID
}

const (
	finished = "finished by the API"
	kept     = "kept by kubectl"
	running  = "running"
	waiting  = "waiting"
)

func TestRestore(t *testing.T) {
	var (
		file   bytes.Buffer
		key    string
		names  = map[string]string{kept: "from-git"}
		before told
	)
	t.Run("a platform at work is backed up", func(t *testing.T) {
		s := open(t)
		s.configure()
		s.run()
		key = s.organize("acme")
		names[finished] = s.convert(key, "")
		s.finish(names[finished], 1, 2)
		s.create(names[kept])
		s.finish(names[kept], 1, 3)
		names[running] = s.convert(key, "")
		s.work(names[running], 1, 3, 2)
		s.awaitReserved(names[running], 3)
		s.awaitYoungerThan(names[running])
		names[waiting] = s.convert(key, "once and no more")
		s.awaitReason(names[waiting], v1alpha1.ReasonWaitingForSlot)
		before = s.tell(key, names)

		sum, err := backup.Take(t.Context(), &interrupted{Reader: s.live, by: func() { s.create("too-late") }}, s.store, &file)
		s.must(err)
		if sum.Organizations != 1 || sum.Jobs != 3 {
			t.Errorf("the backup has %+v, want one organization, and three jobs: not the archived one, nor the one that came in between", sum)
		}
	})
	if t.Failed() || t.Skipped() || file.Len() == 0 {
		t.Skip("there is no backup")
	}

	t.Run("it goes on in an empty cluster", func(t *testing.T) {
		s := open(t)
		restore := func(length int) error {
			_, err := backup.Restore(t.Context(), s.manager, s.store, bytes.NewReader(file.Bytes()[:length]))
			return err
		}
		other := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: v1alpha1.OrganizationSpec{
			PlanRef: "one", DisplayName: v1alpha1.LocalizedText{En: "Other"}}}
		s.must(s.environment.Client.Create(t.Context(), other))
		if err := restore(file.Len()); err == nil || !strings.Contains(err.Error(), "Organization other is not from this backup") {
			t.Errorf("beside an organization: got %v", err)
		}
		var plans v1alpha1.PlanList
		if s.must(s.live.List(t.Context(), &plans)); len(plans.Items) != 0 {
			t.Errorf("what was refused has made %d plans", len(plans.Items))
		}
		s.must(s.environment.Client.Delete(t.Context(), other))
		if err := restore(file.Len() - 40); err == nil {
			t.Error("a backup that is cut off was restored without an error")
		}
		if err := restore(file.Len()); err != nil {
			t.Fatalf("a restore that was broken off is not taken up again: %v", err)
		}
		if err := restore(file.Len()); err != nil {
			t.Errorf("a restore is not repeated: %v", err)
		}
		stranger := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: names[running]}}
		annotate := func(annotations string) {
			s.must(s.environment.Client.Patch(t.Context(), stranger, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":`+annotations+`}}`))))
		}
		annotate("null")
		if err := restore(file.Len()); err == nil || !strings.Contains(err.Error(), "is not from this backup") {
			t.Errorf("over a job of the same name: got %v", err)
		}
		annotate(`{"ocr.openplp.com/restored-from":"` + string(before.uids[running]) + `"}`)
		s.run()
		s.awaitReady("acme")
		s.awaitReserved(names[running], 3)
		testenv.Await(t, "the manager has taken the namespace up", func() bool {
			var taken corev1.Namespace
			s.must(s.live.Get(t.Context(), client.ObjectKey{Name: namespace}, &taken))
			return taken.Labels[v1alpha1.LabelOrganization] != ""
		})
		if err := restore(file.Len()); err == nil || !strings.Contains(err.Error(), "khocr has taken up namespace "+namespace) {
			t.Errorf("over what goes on with it: got %v", err)
		}

		after := s.tell(key, names)
		for _, name := range []string{kept, running, waiting} {
			if after.uids[name] == before.uids[name] {
				t.Errorf("%s: its UID is still %s, so this test proves nothing", name, after.uids[name])
			}
		}
		if uid := after.uids[finished]; uid != "" {
			t.Errorf("%s: the job that its record tells of was made again", finished)
		}
		for _, name := range []string{finished, kept} {
			if after.views[name] != before.views[name] {
				t.Errorf("%s: was %s\nis %s", name, before.views[name], after.views[name])
			}
			if after.results[name] != before.results[name] {
				t.Errorf("%s: the result was %q, is %q", name, before.results[name], after.results[name])
			}
		}
		for _, name := range []string{running, waiting} {
			if was, is := field(t, before.views[name], "created_at"), field(t, after.views[name], "created_at"); was != is {
				t.Errorf("%s: created at %s, now at %s", name, was, is)
			}
		}
		if !slices.Equal(after.list, before.list) {
			t.Errorf("the jobs were listed as %q, are as %q", before.list, after.list)
		}
		if !apiequality.Semantic.DeepEqual(after.usage, before.usage) {
			t.Errorf("the usage was %+v, is %+v", before.usage, after.usage)
		}
		if again := s.convert(key, "once and no more"); again != names[waiting] {
			t.Errorf("a submission that is repeated became %s, want %s", again, names[waiting])
		}

		// The running job goes on with the page that it was at, in an attempt that is no failure.
		job := s.job(names[running])
		stored, err := s.store.PageNumbers(t.Context(), job.Namespace, job.UID)
		s.must(err)
		if !slices.Equal(stored, []int{1, 2}) {
			t.Errorf("pages %v of the running job are stored, want 1 and 2", stored)
		}
		s.work(names[running], 2, 3, 3)
		s.awaitSettled(names[running])
		if worker := s.job(names[running]).Status.Workers[0]; worker.Failures != 0 || worker.Attempt != 2 {
			t.Errorf("the running job ended with %+v", worker)
		}
		s.finish(names[waiting], 1, 1)

		if was, is := settled(before.usage), settled(s.organization("acme").Status.Usage); is != was+3+1 {
			t.Errorf("%d pages were charged before, %d in the end, want 4 more", was, is)
		}
		if job := s.job(names[kept]); job.Status.Phase != v1alpha1.PhaseCompleted || len(job.Status.Workers) != 1 || job.Status.Workers[0].Attempt != 1 {
			t.Errorf("the finished job was worked on again: %+v", job.Status)
		}
	})
}

// interrupted lets something happen after the first list.
type interrupted struct {
	client.Reader
	by func()
}

func (i *interrupted) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	err := i.Reader.List(ctx, list, options...)
	if i.by != nil {
		i.by()
		i.by = nil
	}
	return err
}

func settled(usage []v1alpha1.MonthUsage) int64 {
	sum := int64(0)
	for _, month := range usage {
		sum += month.Settled
	}
	return sum
}

func field(t *testing.T, view, name string) string {
	t.Helper()
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(view), &fields); err != nil {
		t.Fatalf("%s: %v", view, err)
	}
	text, ok := fields[name].(string)
	if !ok {
		t.Fatalf("%s has no %s", view, name)
	}
	return text
}
