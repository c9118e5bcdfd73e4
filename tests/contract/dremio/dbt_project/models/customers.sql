{{ config(materialized='table', localsort_by=['customer_id']) }}
select customer_id, count(*) as orders, sum(amount) as spent, max(ordered_on) as last_order
from {{ ref('shop_orders') }}
group by customer_id
