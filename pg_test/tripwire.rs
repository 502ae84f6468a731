//! A protected relation that is planned behind the pass is refused.

use crate::pg::check::{Stage, plan_behind_the_pass};
use pgrx::prelude::*;

const DEFINITION: &str = "CREATE TABLE trap (id int, tenant_id int, secret text);
     SELECT ward.protect('trap', label => NULL);";
const MASK: &str = "SELECT ward.mask('trap', 'secret', 'null');";

fn plan(mask: bool, stage: Option<Stage>) -> spi::Result<()> {
    Spi::run(DEFINITION)?;
    if mask {
        Spi::run(MASK)?;
    }
    plan_behind_the_pass(c"SELECT * FROM trap", stage);
    Ok(())
}

#[pg_schema]
mod tests {
    use super::*;

    #[pg_test(error = "protected relation \"trap\" was reached by a path that ward does not know")]
    fn rows_without_conditions_are_refused() {
        let _ = plan(false, None);
    }

    #[pg_test(error = "protected relation \"trap\" was reached by a path that ward does not know")]
    fn columns_without_masks_are_refused() {
        let _ = plan(true, Some(Stage::Rows));
    }

    /// The control arm: it is the mark that makes the difference.
    #[pg_test]
    fn what_the_pass_has_seen_is_planned() -> spi::Result<()> {
        plan(false, Some(Stage::Rows))?;
        plan_behind_the_pass(c"SELECT * FROM trap", Some(Stage::Masks));
        Ok(())
    }
}
