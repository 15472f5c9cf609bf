using DotnetPprof.Session;
using k8s;
using k8s.Models;
using Xunit;

namespace DotnetPprof.Tests.Deploy;

/// <summary>
/// The manifests, read by Kubernetes' own types: a field that none of them has is an error.
/// </summary>
public class KubernetesTests
{
    private const string Sidecar = "kubernetes-sidecar.yaml";
    private const string DaemonSet = "kubernetes-daemonset.yaml";
    private const string AgentFolder = "/opt/dotnet-pprof";

    [Theory]
    [InlineData("spec:\n  replica: 2")]
    [InlineData("spec:\n  replicas: many")]
    public void WrongManifestsAreSeen(string wrong) =>
        Assert.ThrowsAny<Exception>(() => KubernetesYaml.LoadAllFromString($"apiVersion: apps/v1\nkind: Deployment\n{wrong}\n", strict: true));

    [Fact]
    public void SidecarNeedsNoRights()
    {
        var deployment = (V1Deployment)Assert.Single(KubernetesYaml.LoadAllFromString(DeployFiles.Text(Sidecar), strict: true));
        V1PodSpec pod = deployment.Spec.Template.Spec;
        CheckPod(deployment.Spec.Selector, deployment.Spec.Template);
        Assert.True(pod.ShareProcessNamespace);
        Assert.True(pod.SecurityContext.RunAsNonRoot);
        Assert.Equal(1654, pod.SecurityContext.RunAsUser);
        Assert.Equal(1654, pod.SecurityContext.RunAsGroup);
        V1Container profiler = pod.InitContainers.Single(container => container.Name == "dotnet-pprof");
        Assert.Equal("Always", profiler.RestartPolicy);
        // The user is the pod's, and so one for all.
        Assert.All(pod.InitContainers.Concat(pod.Containers), container => Assert.Null(container.SecurityContext?.RunAsUser));
        Assert.All(pod.InitContainers, container => Assert.Null(container.SecurityContext.Capabilities.Add));

        V1Container service = Assert.Single(pod.Containers);
        CheckVariables(service.Env);
        V1Container copier = pod.InitContainers.Single(container => container.Name == "agent");
        string volume = copier.VolumeMounts.Single(mount => mount.MountPath == "/agent").Name;
        Assert.Equal(AgentFolder, service.VolumeMounts.Single(mount => mount.Name == volume).MountPath);
        Assert.True(pod.InitContainers.IndexOf(copier) < pod.InitContainers.IndexOf(profiler));
    }

    [Fact]
    public void DaemonSetHasTheRightsItNeedsAndNoMore()
    {
        var set = (V1DaemonSet)Assert.Single(KubernetesYaml.LoadAllFromString(DeployFiles.Text(DaemonSet), strict: true));
        V1PodSpec pod = set.Spec.Template.Spec;
        CheckPod(set.Spec.Selector, set.Spec.Template);
        Assert.True(pod.HostPID);
        Assert.Null(pod.HostNetwork);
        V1Container profiler = Assert.Single(pod.Containers);
        Assert.Equal(["SYS_PTRACE", "DAC_OVERRIDE"], profiler.SecurityContext.Capabilities.Add);
        Assert.Null(profiler.SecurityContext.Privileged);
        string volume = Assert.Single(pod.InitContainers).VolumeMounts.Single().Name;
        Assert.Equal(AgentFolder, pod.Volumes.Single(v => v.Name == volume).HostPath.Path);
    }

    /// <summary>What a service adds to its own manifest stands in the README.</summary>
    [Fact]
    public void ReadmesSnippetIsRight()
    {
        string readme = DeployFiles.Text("README.md");
        string snippet = readme.Split("```yaml\n")[1].Split("```")[0];
        string pod = "apiVersion: v1\nkind: Pod\nspec:\n      containers:\n      - name: service\n" + snippet;
        var read = (V1Pod)Assert.Single(KubernetesYaml.LoadAllFromString(pod, strict: true));
        CheckVariables(read.Spec.Containers[0].Env);
        Assert.Equal(AgentFolder, read.Spec.Volumes.Single().HostPath.Path);
        Assert.Equal(AgentFolder, read.Spec.Containers[0].VolumeMounts.Single().MountPath);
    }

    /// <summary>The program itself says which they are.</summary>
    private static void CheckVariables(IEnumerable<V1EnvVar> variables)
    {
        Dictionary<string, string> values = variables.ToDictionary(variable => variable.Name, variable => variable.Value);
        foreach ((string name, string value) in AgentVariables.For($"{AgentFolder}/{AgentVariables.AgentFile}", null))
            Assert.Equal(value, values[name]);
    }

    private static void CheckPod(V1LabelSelector selector, V1PodTemplateSpec template)
    {
        Assert.All(selector.MatchLabels, label => Assert.Equal(label.Value, template.Metadata.Labels[label.Key]));
        V1PodSpec pod = template.Spec;
        List<V1Container> ours = [.. pod.InitContainers.Concat(pod.Containers).Where(container => container.Image == "dotnet-pprof:0.1.0")];
        Assert.Equal(2, ours.Count);
        foreach (V1Container container in ours)
        {
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
        }
        // Where nothing else can be written, state and sockets need a place.
        Assert.Superset(new HashSet<string> { "/var/lib/dotnet-pprof", "/tmp" }, ours.Single(c => c.Name == "dotnet-pprof").VolumeMounts.Select(m => m.MountPath).ToHashSet());
        List<string> volumes = [.. pod.Volumes.Select(volume => volume.Name)];
        Assert.Equal(volumes.Order(), pod.InitContainers.Concat(pod.Containers).SelectMany(c => c.VolumeMounts).Select(mount => mount.Name).Distinct().Order());
    }
}
