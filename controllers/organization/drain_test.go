package organization

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

func (c *cluster) drains() {
	for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground} {
		name := "drain-" + strings.ToLower(string(policy))
		organization, namespace := c.organize(name, "free"), "khocr-"+name
		c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
		working, waiting, theirs := c.submit(namespace, "aaaaaaaaaaaa"), c.submit(namespace, "bbbbbbbbbbbb"), c.submit(namespace, "cccccccccccc")
		theirs.Finalizers = []string{"example.com/theirs"}
		c.must(c.manager.Update(c.Context(), theirs))
		c.report(working, v1alpha1.PhaseRunning, 4, 3, 0)
		c.entry(organization, working, v1alpha1.LedgerReserved, 4)

		c.must(c.admin.Delete(c.Context(), organization, client.PropagationPolicy(policy)))
		c.ready(organization, metav1.ConditionFalse, reasonDraining)
		for _, job := range []*v1alpha1.OcrJob{working, waiting, theirs} {
			testenv.Await(c, job.Name+" is deleted", func() bool {
				c.get(job, namespace, job.Name)
				return job.DeletionTimestamp != nil
			})
		}
		late := c.submit(namespace, "dddddddddddd")
		testenv.Await(c, "a job that comes late is deleted, too", func() bool {
			c.get(late, namespace, late.Name)
			return late.DeletionTimestamp != nil
		})
		c.report(late, v1alpha1.PhaseCancelled, 0, 0, 0)
		c.report(waiting, v1alpha1.PhaseCancelled, 0, 0, 0)
		c.report(working, v1alpha1.PhaseCancelled, 4, 3, 0)
		c.entry(organization, working, v1alpha1.LedgerSettled, 3)
		c.entry(organization, waiting, v1alpha1.LedgerSettled, 0)
		c.entry(organization, late, v1alpha1.LedgerSettled, 0)
		c.release(waiting)
		c.release(late)
		if current := c.current(organization); !slices.Contains(current.Finalizers, v1alpha1.FinalizerDrain) {
			c.Errorf("the organization may go although %s is held: %v", working.Name, current.Finalizers)
		}
		c.release(working)
		c.gone(organization)
	}
}

func (c *cluster) drainsNothing() {
	foreign := c.submit("khocr-taken", "aaaaaaaaaaaa") // the namespace of foreignNamespace
	organization := c.current(&v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "taken"}})
	if len(organization.Finalizers) > 0 {
		c.Errorf("an organization without a namespace is held by %v", organization.Finalizers)
	}
	// One that had a namespace once, before somebody else made another one of that name.
	organization.Finalizers = []string{v1alpha1.FinalizerDrain}
	c.must(c.admin.Update(c.Context(), organization))
	c.must(c.admin.Delete(c.Context(), organization))
	c.gone(organization)
	c.get(foreign, "khocr-taken", foreign.Name)
	if foreign.DeletionTimestamp != nil {
		c.Error("a job in a foreign namespace was deleted")
	}
}

func (c *cluster) drainsWithoutNamespace() {
	organization := c.organize("bare", "gone-with-it")
	c.ready(organization, metav1.ConditionFalse, reasonPlanNotFound)
	job := c.submit("khocr-bare", "aaaaaaaaaaaa")
	c.must(c.admin.Delete(c.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "khocr-bare"}}))
	c.must(c.admin.Delete(c.Context(), organization))
	testenv.Await(c, "the job is deleted in a namespace that is going", func() bool {
		c.get(job, job.Namespace, job.Name)
		return job.DeletionTimestamp != nil
	})
	c.report(job, v1alpha1.PhaseCancelled, 0, 0, 0)
	c.entry(organization, job, v1alpha1.LedgerSettled, 0)
	c.release(job)
	c.gone(organization)
}

func (c *cluster) drainsOrphans() {
	organization := c.organize("orphan", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	job := c.submit("khocr-orphan", "aaaaaaaaaaaa")
	c.must(c.admin.Delete(c.Context(), organization, client.PropagationPolicy(metav1.DeletePropagationOrphan)))
	testenv.Await(c, "only the garbage collector's finalizer is left", func() bool {
		return slices.Equal(c.current(organization).Finalizers, []string{metav1.FinalizerOrphanDependents})
	})
	c.get(job, job.Namespace, job.Name)
	if job.DeletionTimestamp != nil {
		c.Error("the job was deleted")
	}
}

func (c *cluster) gone(organization *v1alpha1.Organization) {
	c.Helper()
	testenv.Await(c, organization.Name+" is held by nothing of ours", func() bool {
		current := &v1alpha1.Organization{}
		err := c.admin.Get(c.Context(), client.ObjectKeyFromObject(organization), current)
		return apierrors.IsNotFound(err) || err == nil && !slices.Contains(current.Finalizers, v1alpha1.FinalizerDrain)
	})
}

func (c *cluster) leavingNamespace() {
	organization := c.organize("leave", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	job := c.submit("khocr-leave", "aaaaaaaaaaaa")
	c.report(job, v1alpha1.PhaseRunning, 4, 3, 0)
	c.entry(organization, job, v1alpha1.LedgerReserved, 4)
	namespace := &corev1.Namespace{}
	c.get(namespace, "", "khocr-leave")
	c.must(c.admin.Delete(c.Context(), namespace))
	c.ready(organization, metav1.ConditionFalse, reasonNamespaceLeaving)
	c.report(job, v1alpha1.PhaseCancelled, 4, 3, 0)
	c.entry(organization, job, v1alpha1.LedgerSettled, 3)
}
