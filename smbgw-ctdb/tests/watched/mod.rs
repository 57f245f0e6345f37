//! The nodes of a cluster of the lab, as the library has them.

use smbgw_core::host::Reach;
use smbgw_ctdb::node::NodeSpec;
use smbgw_testing::Cluster;

/// All nodes by their numbers.
pub(crate) fn specs(cluster: &Cluster) -> Vec<NodeSpec> {
    let nodes = cluster.nodes().iter().zip(cluster.node_addresses());
    nodes
        .map(|(node, address)| NodeSpec {
            name: node.name().parse().unwrap(),
            address,
            reach: Reach::Process(node.pid()),
        })
        .collect()
}
