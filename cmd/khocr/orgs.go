package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

func (p *program) orgsCommand() *cobra.Command {
	var json bool
	command := &cobra.Command{
		Use: "orgs", Short: "List the organizations of a cluster, by your kubeconfig", Args: cobra.NoArgs,
		Long: "List the organizations of a cluster with their plans, what they have used, and whether they are ready.\nNeeds the right to list them, as the role khocr-platform-viewer has it.",
		RunE: work(func(command *cobra.Command) error { return p.orgs(command.Context(), json) }),
	}
	command.Flags().BoolVar(&json, "json", false, "print each as a line of JSON")
	return command
}

// organizationLine is what --json prints.
type organizationLine struct {
	Name    string `json:"name"`
	Plan    string `json:"plan"`
	Pages   string `json:"pages"`
	Running int32  `json:"running"`
	Ready   bool   `json:"ready"`
	Reason  string `json:"reason,omitempty"`
}

func (p *program) orgs(ctx context.Context, json bool) error {
	config, err := p.cluster()
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	cluster, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return p.fault(exitUnreachable, sayNoCluster, err)
	}
	var organizations v1alpha1.OrganizationList
	if err := cluster.List(ctx, &organizations); err != nil {
		return p.fault(exitUnreachable, sayNoCluster, err)
	}
	l := p.language
	shown := table{}
	shown.add(headOrg.in(l), headPlan.in(l), headPages.in(l), headRunning.in(l), headReady.in(l), headReason.in(l))
	for _, organization := range organizations.Items {
		line := organizationLine{Name: organization.Name, Plan: organization.Spec.PlanRef, Pages: organization.Status.Pages, Running: organization.Status.Running}
		if condition := meta.FindStatusCondition(organization.Status.Conditions, v1alpha1.ConditionReady); condition != nil {
			line.Ready, line.Reason = condition.Status == "True", condition.Reason
		}
		if json {
			if err := writeJSON(p.out, line); err != nil {
				return err
			}
			continue
		}
		ready := sayYes.in(l)
		if !line.Ready {
			ready = sayNo.in(l)
		}
		shown.add(cell(line.Name), cell(line.Plan), cell(line.Pages), cell(line.Running), ready, cell(line.Reason))
	}
	if json {
		return nil
	}
	return shown.write(p.out)
}
